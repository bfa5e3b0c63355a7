package report

import (
	"io"
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// A Table is a table to be made of results.
type Table struct {
	Title string
	Text  string

	// Measure is what the rows are about: there is one for each key that it was
	// measured for, whatever the contestant.
	Measure string

	// Labels are the columns that say what a row is about.
	Labels []Label

	Columns []Column
}

// A Label is a column that says what a row is about.
type Label int

// The labels.
const (
	FileSystem Label = iota
	Case
	Leases
	Processes
	Goroutines
	Contestant // each of them has rows of its own
)

// A Column is a column of values.
type Column struct {
	Title string

	// Cell returns the text for a row, or an empty text.
	Cell func(r *result.Results, row result.Key) string
}

// write writes the table, unless it has no rows.
func (t Table) write(w io.Writer, r *result.Results) error {
	g := t.grid(r)
	if len(g.rows) == 0 {
		return nil
	}
	if _, err := io.WriteString(w, "### "+t.Title+"\n\n"+t.Text+"\n\n"); err != nil {
		return err
	}
	return g.keep().write(w)
}

func (t Table) grid(r *result.Results) grid {
	g := grid{labels: len(t.Labels)}
	for _, l := range t.Labels {
		g.head = append(g.head, l.title())
	}
	for _, c := range t.Columns {
		g.head = append(g.head, c.Title)
	}
	for _, row := range t.rows(r) {
		var cells []string
		for _, l := range t.Labels {
			cells = append(cells, l.text(row))
		}
		for _, c := range t.Columns {
			cells = append(cells, orNothing(c.Cell(r, row)))
		}
		g.rows = append(g.rows, cells)
	}
	return g
}

// rows returns the key of each row, in the order in which they were measured.
func (t Table) rows(r *result.Results) []result.Key {
	var rows []result.Key
	for _, s := range r.Series {
		row := s.Key
		if !slices.Contains(t.Labels, Contestant) {
			row.Contestant = ""
		}
		if row.Measure == t.Measure && !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	return rows
}

func (l Label) title() string {
	return [...]string{"file system", "case", "leases held", "processes", "goroutines", "store"}[l]
}

func (l Label) text(k result.Key) string {
	switch l {
	case FileSystem:
		return orNothing(k.FileSystem)
	case Case:
		return orNothing(k.Case)
	case Leases:
		return grouped(int64(k.Leases))
	case Processes, Goroutines:
		return grouped(int64(k.AtOnce))
	default:
		return orNothing(k.Contestant)
	}
}

func orNothing(text string) string {
	if text == "" {
		return nothing
	}
	return text
}
