// Package cli is shared by the command-line tools: the form of answers, help and usage
// errors.
package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// WriteJSON writes a value as indented JSON, without escaping for HTML.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// A Table is an answer in columns with headings.
type Table struct {
	w   *tabwriter.Writer
	out *bufio.Writer // a tabwriter writes each cell, and each gap, by itself
}

// NewTable begins a table on w with its headings.
func NewTable(w io.Writer, headings ...string) Table {
	out := bufio.NewWriter(w)
	t := Table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), out}
	t.Row(headings...)
	return t
}

// Row writes a line of cells. They are made [Printable]; empty ones become a hyphen.
func (t Table) Row(cells ...string) {
	for i, c := range cells {
		if cells[i] = Printable(c); c == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t")) // Flush returns the error.
}

// Flush writes the buffered rows, and returns the first error.
func (t Table) Flush() error {
	if err := t.w.Flush(); err != nil {
		return err
	}
	return t.out.Flush()
}

// Printable escapes what a terminal could take for a command, or would show as something
// else. Names of containers and files are chosen by others.
func Printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// PrintableLines is [Printable] for several lines, which may be indented with tabs.
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
