package report

import (
	"io"
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// A Goal is what this project wants to reach. On a shared machine a time says little
// by itself; goals are ratios within a run, or sizes. One that is neither says as much
// about the machine, which the results name.
type Goal struct {
	Text   string
	Want   float64
	AtMost bool // and not at least

	// Values returns what was found on a file system, and nothing if it was not
	// measured.
	Values func(r *result.Results, fileSystem string) []float64
}

// ValuesOf returns, for a goal, the values of one series.
func ValuesOf(of result.Key) func(*result.Results, string) []float64 {
	return func(r *result.Results, fileSystem string) []float64 {
		of := of
		of.FileSystem = fileSystem
		return r.Values(of)
	}
}

// RatioOf returns, for a goal, the ratios of one series to another.
func RatioOf(of, to result.Key) func(*result.Results, string) []float64 {
	return func(r *result.Results, fileSystem string) []float64 {
		of, to := of, to
		of.FileSystem, to.FileSystem = fileSystem, fileSystem
		return ratios(r, of, to)
	}
}

// writeGoals writes what has become of goals, unless none of them was measured.
func writeGoals(w io.Writer, r *result.Results, goals []Goal) error {
	g := grid{labels: 2, head: []string{"file system", "goal", "to reach", "found", "reached"}}
	for _, fileSystem := range fileSystems(r) {
		for _, goal := range goals {
			if values := goal.Values(r, fileSystem); len(values) > 0 {
				g.rows = append(g.rows, goal.row(fileSystem, values))
			}
		}
	}
	if len(g.rows) == 0 {
		return nil
	}
	if _, err := io.WriteString(w, "### Goals\n\n"); err != nil {
		return err
	}
	return g.write(w)
}

func (g Goal) row(fileSystem string, values []float64) []string {
	found := stats.Median(values)
	sign, reached := "≥ ", found >= g.Want
	if g.AtMost {
		sign, reached = "≤ ", found <= g.Want
	}
	answer := "no"
	if reached {
		answer = "yes"
	}
	return []string{fileSystem, g.Text, sign + short(g.Want), summary(values), answer}
}

// fileSystems returns the names of the file systems, in the order in which they were
// measured.
func fileSystems(r *result.Results) []string {
	var all []string
	for _, s := range r.Series {
		if !slices.Contains(all, s.FileSystem) {
			all = append(all, s.FileSystem)
		}
	}
	return all
}

// short writes a number with as many digits as it needs.
func short(x float64) string {
	if x >= 100 {
		return grouped(int64(x))
	}
	return trim(number(x))
}
