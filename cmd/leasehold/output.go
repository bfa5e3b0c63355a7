package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// writeJSON writes the answer of a command, of which nil stands for an empty list.
func (t *tool) writeJSON(v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// A table is an answer for people: columns under headings.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, headings ...string) table {
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(headings...)
	return t
}

// row writes a line, with a hyphen for what is empty.
func (t table) row(cells ...string) {
	for i, c := range cells {
		if cells[i] = printable(c); c == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t")) // Flush returns the error.
}

func (t table) flush() error { return t.w.Flush() }

// printable returns a text with what a terminal could take for a command, or would show
// as something else than it is, in the form of an escape. Names of containers, and of
// files, are what somebody else has chosen.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// printableLines is printable for a text of several lines, which may be indented.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		text := strings.TrimLeft(line, "\t")
		lines[i] = line[:len(line)-len(text)] + printable(text)
	}
	return strings.Join(lines, "\n")
}

// shortID cuts a container ID to what is enough to tell one from another, as
// crictl, podman and nerdctl print it.
func shortID(id string) string {
	const enough = 13
	if len(id) <= enough || strings.Trim(id, "0123456789abcdef") != "" {
		return id
	}
	return id[:enough]
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
