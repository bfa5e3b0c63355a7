// Package stats says how long something takes when every attempt takes a
// different time.
//
// The times of a few runs of a process are skewed: a disk or another process
// makes some of them much longer and nothing makes them shorter. So a [Summary] has
// a median and percentiles, no mean and no deviation.
//
// Two programs are compared within a round, in which both ran shortly after each
// other: [Ratios] divides pair by pair, and the summary of the quotients is what
// is reported. A quotient of two medians would also have in it how the machine
// changed between the runs that happen to be the medians.
package stats

import (
	"fmt"
	"slices"
)

// A Summary describes a sample. The zero Summary is that of an empty sample.
type Summary struct {
	P10, Median, P90 float64
}

// Summarize returns the summary of a sample in any order.
func Summarize(sample []float64) Summary {
	sorted := slices.Sorted(slices.Values(sample))
	return Summary{
		P10:    quantile(sorted, 0.1),
		Median: quantile(sorted, 0.5),
		P90:    quantile(sorted, 0.9),
	}
}

// Overlaps reports whether the middle parts of two samples, from the 10th to the
// 90th percentile, have anything in common.
func (s Summary) Overlaps(other Summary) bool { return s.P10 <= other.P90 && other.P10 <= s.P90 }

// Median returns the median of a sample in any order.
func Median(sample []float64) float64 { return Quantile(sample, 0.5) }

// Quantile returns the value that a part q of a sample in any order lies below. That
// of an empty sample is 0.
func Quantile(sample []float64, q float64) float64 {
	return quantile(slices.Sorted(slices.Values(sample)), q)
}

// quantile interpolates between the two values that are next to the place q of
// the way from the first to the last.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	place := q * float64(len(sorted)-1)
	below := int(place)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
}

// Ratios divides each value of a by the value of b of the same round, which has the
// same index. It panics if a round of either is missing: whatever was divided
// then would not be pairs.
func Ratios(a, b []float64) []float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("ratios of %d rounds to %d rounds", len(a), len(b)))
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return ratios
}

// Drift returns how many times as large values have become from their first quarter
// to their last, by the medians of the two. That of fewer than two values is 1.
func Drift(values []float64) float64 {
	if len(values) < 2 {
		return 1
	}
	quarter := max(len(values)/4, 1)
	return Median(values[len(values)-quarter:]) / Median(values[:quarter])
}
