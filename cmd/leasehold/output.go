package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/leasehold/leasehold/internal/cli"
)

// writeJSON writes the answer of a command, of which nil stands for an empty list.
func (t *tool) writeJSON(v any) error { return cli.WriteJSON(t.out, v) }

// shortID cuts a container ID to what is enough to tell one from another, as crictl and
// podman print it. Of nerdctl's, which begin with a namespace, that stays.
func shortID(id string) string {
	const digits, enough = 64, 13
	if at := len(id) - digits; at >= 0 && strings.Trim(id[at:], "0123456789abcdef") == "" {
		return id[:at+enough]
	}
	return id
}

// age writes how long ago something was, in the largest unit that is not zero and
// the next.
func age(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "s"); ok && strings.HasSuffix(noun, "ss") {
		noun = stem + "se"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
