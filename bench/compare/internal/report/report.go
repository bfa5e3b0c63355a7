package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// A Comparison is a column of ratios: the times of one contestant divided by those
// of another.
type Comparison struct {
	Of, To string
}

func (c Comparison) title() string { return c.Of + " / " + c.To }

// Write writes the results in Markdown: times and ratios for each command, the
// space on disk, and the machine.
func (r *Results) Write(w io.Writer, comparisons []Comparison) error {
	for _, command := range r.commands() {
		if err := r.writeCommand(w, command, comparisons); err != nil {
			return err
		}
	}
	if err := section(w, "Space", spaceText, r.spaceTable()); err != nil {
		return err
	}
	return r.writeMachine(w)
}

const spaceText = "Bytes on disk for each lease; with no leases, of the whole store:"

func (r *Results) writeCommand(w io.Writer, command string, comparisons []Comparison) error {
	text := fmt.Sprintf("Milliseconds for one %s, as the parent process sees them. "+
		"Median of %d rounds (10th–90th percentile):", command, r.Rounds)
	if err := section(w, command, text, r.timeTable(command)); err != nil {
		return err
	}
	text = "One time divided by another of the same round: a / b is how many times faster b is. " +
		"Median of the ratios (10th–90th percentile):"
	return section(w, "", text, r.ratioTable(command, comparisons))
}

func section(w io.Writer, title, text string, t table) error {
	if title != "" {
		title = "## " + title + "\n\n"
	}
	if _, err := fmt.Fprintf(w, "%s%s\n\n", title, text); err != nil {
		return err
	}
	return t.keep().write(w)
}

// perFill makes a table of a row for each fill.
func (r *Results) perFill(columns []string, cell func(fill, column int) string) table {
	t := table{head: append([]string{"leases held"}, columns...)}
	for _, fill := range r.fills() {
		row := []string{grouped(int64(fill))}
		for i := range columns {
			row = append(row, cell(fill, i))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func (r *Results) timeTable(command string) table {
	return r.perFill(r.Contestants, func(fill, i int) string {
		return summary(stats.Milliseconds(r.times(fill, r.Contestants[i], command)))
	})
}

func (r *Results) ratioTable(command string, comparisons []Comparison) table {
	var columns []string
	for _, c := range comparisons {
		columns = append(columns, c.title())
	}
	return r.perFill(columns, func(fill, i int) string {
		of := r.times(fill, comparisons[i].Of, command)
		to := r.times(fill, comparisons[i].To, command)
		if of == nil || to == nil {
			return nothing
		}
		return summary(stats.Ratios(of, to))
	})
}

func (r *Results) spaceTable() table {
	return r.perFill(r.Contestants, func(fill, i int) string {
		bytes, ok := r.space(fill, r.Contestants[i])
		if !ok {
			return nothing
		}
		return grouped(bytes / int64(max(fill, 1)))
	})
}

func (r *Results) writeMachine(w io.Writer) error {
	m := r.Machine
	_, err := fmt.Fprintf(w, "## Machine\n\n%s, %d cores; %s; stores on %s; %s; %s.\n\n",
		m.CPU, m.Cores, m.Kernel, m.FileSystem, m.Go, m.Date)
	for _, p := range r.Programs {
		if err == nil {
			_, err = fmt.Fprintf(w, "- %s: %s\n", p.Name, p.Version)
		}
	}
	return err
}

// WriteJSON writes every time that was measured to a file, and makes the directory
// it lies in.
func (r *Results) WriteJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
