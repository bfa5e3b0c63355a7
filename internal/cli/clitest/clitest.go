// Package clitest is shared by the tests of the command-line tools.
package clitest

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/hostlocal"
)

// HostLocal is the main function of the plugin.
func HostLocal() {
	p := hostlocal.Plugin{
		Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version: func() string { return "test" },
	}
	os.Exit(p.Run())
}

// IPAM returns an ipam section for host-local, with more keys in the form KEY=JSON.
func IPAM(dataDir string, keys []string) string {
	text := `{"type": "host-local", "dataDir": ` + strconv.Quote(dataDir)
	for _, arg := range keys {
		key, value, _ := strings.Cut(arg, "=")
		text += ", " + strconv.Quote(key) + ": " + value
	}
	return text + "}"
}

// HelpFits makes sure that the help of every command fits a console of 80 columns.
func HelpFits(t *testing.T, root *cobra.Command) {
	root.InitDefaultHelpCmd()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs(append(strings.Fields(c.CommandPath())[1:], "--help"))
		require.NoError(t, root.Execute())
		require.Contains(t, out.String(), "Usage:\n  "+c.CommandPath())
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, "%s: %s", c.CommandPath(), line)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
