package part

import (
	"slices"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// Milliseconds is what to multiply nanoseconds by.
const Milliseconds = 1e-6

// FileSystems returns the file systems in the order in which they were measured.
func FileSystems(r *result.Results) []string {
	var all []string
	for _, s := range r.Series {
		if !slices.Contains(all, s.FileSystem) {
			all = append(all, s.FileSystem)
		}
	}
	return all
}

// Keys returns the keys of all series of a measure for which keep returns true, without
// the contestant, each once and in the order in which they were measured.
func Keys(r *result.Results, measure string, keep func(result.Key) bool) []result.Key {
	var keys []result.Key
	for _, s := range r.Series {
		k := s.Key
		k.Contestant = ""
		if k.Measure == measure && keep(k) && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// Lines returns a line for each contestant that has values at any of the keys, which
// follow each other on the x axis.
func Lines(r *result.Results, keys []result.Key, by float64) []chart.Line {
	var lines []chart.Line
	for color, name := range contest.Names() {
		line := chart.Line{Name: name, Color: color}
		for x, k := range keys {
			k.Contestant = name
			if values := r.Values(k); len(values) > 0 {
				line.Points = append(line.Points, point(float64(x), values, by))
			}
		}
		if line.Points != nil {
			lines = append(lines, line)
		}
	}
	return lines
}

func point(x float64, values []float64, by float64) chart.Point {
	s := stats.Summarize(values)
	return chart.Point{X: x, Low: s.P10 * by, Median: s.Median * by, High: s.P90 * by}
}

// FileName makes a name of words, of which no file system is afraid.
func FileName(words ...string) string {
	clean := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.':
			return r
		}
		return '-'
	}
	return strings.Map(clean, strings.ToLower(strings.Join(words, "-")))
}

// Counts returns a number of each key, as the text of a tick.
func Counts(keys []result.Key, of func(result.Key) int) []string {
	var all []string
	for _, k := range keys {
		all = append(all, chart.Text(float64(of(k))))
	}
	return all
}
