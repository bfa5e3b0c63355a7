// Package report turns samples into tables in Markdown. benchstat does that too, but does
// not pair: the ratios here are of values of one round.
package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

// A Pair is two peers to compare. Its ratio is how many times as good To is as Of: of times
// and sizes Of / To, of rates To / Of.
type Pair struct{ Of, To string }

func (p Pair) in(unit string) Pair {
	if strings.HasSuffix(unit, "/s") {
		return Pair{p.To, p.Of}
	}
	return p
}

// ratio returns the ratios of a pair in a row, round by round.
func (p Pair) ratio(s *samples.Set, row samples.Key, unit string) []float64 {
	p = p.in(unit)
	return s.Ratios(row, unit, p.Of, p.To)
}

// A View is one more table for each unit that it is for.
type View struct {
	Title string
	Unit  string // its end, for the units that the view is for
	Cell  func(values []float64, leases int) float64
}

// Write writes tables of all samples: for each unit the medians of all peers and the ratios of
// pairs, and then the views.
func Write(w io.Writer, s *samples.Set, text string, pairs []Pair, views []View) error {
	if _, err := fmt.Fprintf(w, "# %s\n\n%s\n\nMedians of the rounds (10th–90th percentile); "+
		"a ratio is the median of those within a round.\n", s.Part, text); err != nil {
		return err
	}
	for _, unit := range s.Units() {
		title, scale, worst := unit, 1.0, strings.Contains(unit, "-worst-")
		if ns, ok := strings.CutSuffix(unit, "-ns"); ok {
			title, scale = ns+", ms", 1e-6
		}
		if worst {
			title += ", the longest in all rounds"
		}
		if err := writeUnit(w, s, unit, title, pairs, func(_ samples.Key, values []float64) string {
			scaled := make([]float64, len(values))
			for i, v := range values {
				scaled[i] = v * scale
			}
			if worst {
				return number(slices.Max(scaled))
			}
			return summary(scaled)
		}); err != nil {
			return err
		}
		for _, v := range views {
			if !strings.HasSuffix(unit, v.Unit) {
				continue
			}
			if err := writeUnit(w, s, unit, unit+", "+v.Title, nil, func(k samples.Key, values []float64) string {
				return number(v.Cell(values, k.Leases))
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeUnit writes the table of a unit: a row for each key, a column for each peer and for
// each pair of which both were measured.
func writeUnit(w io.Writer, s *samples.Set, unit, title string, pairs []Pair, cell func(samples.Key, []float64) string) error {
	stores := s.Stores(unit)
	slices.SortFunc(stores, func(a, b string) int {
		return cmp.Compare(slices.Index(peers.Names(), a), slices.Index(peers.Names(), b))
	})
	pairs = slices.DeleteFunc(slices.Clone(pairs), func(p Pair) bool {
		counts := strings.HasSuffix(unit, "-syncs") // some are 0
		return counts || !slices.Contains(stores, p.Of) || !slices.Contains(stores, p.To)
	})
	head := append([]string{"fs", "case", "leases", "at once"}, stores...)
	for _, p := range pairs {
		p = p.in(unit)
		head = append(head, p.Of+" / "+p.To)
	}
	rows := [][]string{head}
	for _, k := range s.Rows(unit) {
		row := []string{k.FS, cmp.Or(k.Case, nothing), grouped(int64(k.Leases)), nothing}
		if k.AtOnce > 0 {
			row[3] = grouped(int64(k.AtOnce))
		}
		for _, k.Store = range stores {
			if values := s.Values(k, unit); values != nil {
				row = append(row, cell(k, values))
			} else {
				row = append(row, nothing)
			}
		}
		for _, p := range pairs {
			row = append(row, summary(p.ratio(s, k, unit)))
		}
		rows = append(rows, row)
	}
	if _, err := fmt.Fprintf(w, "\n## %s\n\n", title); err != nil {
		return err
	}
	return writeTable(w, 2, rows)
}
