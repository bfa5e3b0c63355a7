// Package cli is what the programs for people share: how answers look, what a help is, and
// what is said to a command line that is wrong.
package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// WriteJSON writes a value as indented JSON, as it is: with no characters escaped that
// HTML would need escaped.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// A Table is an answer for people: columns under headings.
type Table struct{ w *tabwriter.Writer }

// NewTable begins a table on w with its headings.
func NewTable(w io.Writer, headings ...string) Table {
	t := Table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.Row(headings...)
	return t
}

// Row writes a line of cells, which are [Printable], with a hyphen for what is empty.
func (t Table) Row(cells ...string) {
	for i, c := range cells {
		if cells[i] = Printable(c); c == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t")) // Flush returns the error.
}

// Flush writes what is left, and returns the first error of all.
func (t Table) Flush() error { return t.w.Flush() }

// Printable returns a text with what a terminal could take for a command, or would show
// as something else than it is, in the form of an escape. Names of containers, and of
// files, are what somebody else has chosen.
func Printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// PrintableLines is [Printable] for a text of several lines, which may be indented.
func PrintableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		text := strings.TrimLeft(line, "\t")
		lines[i] = line[:len(line)-len(text)] + Printable(text)
	}
	return strings.Join(lines, "\n")
}

// Version returns the version that the build recorded.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
