// Package cli is what the programs for people share: how answers look.
package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"text/tabwriter"
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

// Row writes a line, with a hyphen for what is empty.
func (t Table) Row(cells ...string) {
	for i, c := range cells {
		if c == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t")) // Flush returns the error.
}

// Flush writes what is left, and returns the first error of all.
func (t Table) Flush() error { return t.w.Flush() }

// Version returns the version that the build recorded.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
