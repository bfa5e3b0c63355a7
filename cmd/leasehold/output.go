package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/leasehold/leasehold/internal/cli"
)

// writeJSON writes the output of a command as JSON.
func (t *tool) writeJSON(v any) error { return cli.WriteJSON(t.out, v) }

// shortID truncates a container ID as [cli.ShortID] does.
func shortID(id string) string { return cli.ShortID(id) }

// formatAge formats a duration as [cli.Age] does.
func formatAge(d time.Duration) string { return cli.Age(d) }

// count formats a number with its noun, in the plural unless n is 1.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "s"); ok && strings.HasSuffix(noun, "ss") {
		noun = stem + "se"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
