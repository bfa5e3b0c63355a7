package cli_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

// The name of a container must not control the terminal.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	table := cli.NewTable(&out, "NAME", "OTHER")
	table.Row("a", "")
	table.Row("\x1b[2Jb\nc", "d")
	require.NoError(t, table.Flush())
	require.Equal(t, "NAME         OTHER\na            -\n\\x1b[2Jb\\nc  d\n", out.String())
}

// A write for each cell makes a table of many leases slow.
func TestTableIsBuffered(t *testing.T) {
	var out countingWriter
	table := cli.NewTable(&out, "NAME", "OTHER")
	for range 100 {
		table.Row("a", "b")
	}
	require.NoError(t, table.Flush())
	require.Equal(t, 1, out.writes)
}

type countingWriter struct {
	bytes.Buffer
	writes int
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(b)
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain \"text\" äö":  "plain \"text\" äö",
		"\u202egnp.exe":      "\\u202egnp.exe",
		"\xff\"":             "\\xff\"",
		"bell\a and \x9b31m": "bell\\a and \\x9b31m",
	} {
		require.Equal(t, want, cli.Printable(text))
	}
	require.Equal(t, "one\n\ttwo\\x1b", cli.PrintableLines("one\n\ttwo\x1b"))
}

func TestWriteJSON(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, cli.WriteJSON(&out, map[string]string{"a": "<b>"}))
	require.Equal(t, "{\n  \"a\": \"<b>\"\n}\n", out.String())
}
