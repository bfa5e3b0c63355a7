package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// At three in the morning the console has 80 columns.
func TestHelpFits(t *testing.T) {
	root := new(tool).command()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if strings.HasPrefix(c.CommandPath(), "leasehold completion") {
			return // cobra's words
		}
		var out bytes.Buffer
		tool := tool{out: &out, errs: &out}
		require.Zero(t, tool.run(context.Background(), append(strings.Fields(c.CommandPath())[1:], "--help")))
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSpace(line)), 80, "%s: %s", c.CommandPath(), line)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
