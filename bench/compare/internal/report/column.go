package report

import (
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// A Format turns the values of a series into a cell. There is at least one value.
type Format func(values []float64) string

// Milliseconds is the median of times, with the 10th and 90th percentile.
func Milliseconds(values []float64) string { return summary(scaled(values, 1e-6)) }

// WorstMilliseconds is the longest of times.
func WorstMilliseconds(values []float64) string { return number(slices.Max(values) * 1e-6) }

// Plain is the median of values, with the 10th and 90th percentile.
func Plain(values []float64) string { return summary(values) }

// Number is what fn makes of all values.
func Number(fn func(values []float64) float64) Format {
	return func(values []float64) string { return number(fn(values)) }
}

// MiB is the median of bytes.
func MiB(values []float64) string { return number(stats.Median(values) / (1 << 20)) }

// Contestants returns a column for each contestant.
func Contestants(format Format, names ...string) []Column {
	var columns []Column
	for _, name := range names {
		columns = append(columns, Column{name, func(r *result.Results, row result.Key) string {
			row.Contestant = name
			if reason := r.Missing[name]; reason != "" {
				return reason
			}
			return cell(format, r.Values(row))
		}})
	}
	return columns
}

// Measures returns a column of another measure of the row's contestant.
func Measures(title, measure string, format Format) Column {
	return Column{title, func(r *result.Results, row result.Key) string {
		row.Measure = measure
		return cell(format, r.Values(row))
	}}
}

// A Pair is two contestants to be compared: the values of one divided by those of the
// other.
type Pair struct{ Of, To string }

// Ratios returns a column for each pair, of the ratios round by round.
func Ratios(pairs ...Pair) []Column {
	var columns []Column
	for _, p := range pairs {
		columns = append(columns, Column{p.Of + " / " + p.To, func(r *result.Results, row result.Key) string {
			of, to := row, row
			of.Contestant, to.Contestant = p.Of, p.To
			return cell(Plain, ratios(r, of, to))
		}})
	}
	return columns
}

// ratios returns the ratios of two series, or none if one of them is not there.
func ratios(r *result.Results, of, to result.Key) []float64 {
	a, b := r.Values(of), r.Values(to)
	if a == nil || b == nil {
		return nil
	}
	return stats.Ratios(a, b)
}

func cell(format Format, values []float64) string {
	if len(values) == 0 {
		return ""
	}
	return format(values)
}

func scaled(values []float64, by float64) []float64 {
	all := make([]float64, len(values))
	for i, v := range values {
		all[i] = v * by
	}
	return all
}

// Grouped writes a number without what is after the point, with a comma before every
// three digits.
func Grouped(x float64) string { return grouped(int64(x + 0.5)) }
