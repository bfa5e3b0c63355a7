package measure

import "slices"

// A Summary describes a sample. The times of a few runs are skewed: a disk or another
// process makes some much longer and nothing makes them shorter. So it has no mean and no
// deviation.
type Summary struct{ P10, Median, P90 float64 }

// Summarize returns the summary of a sample in any order. An empty sample has the zero Summary.
func Summarize(values []float64) Summary {
	return Summary{Quantile(values, 0.1), Quantile(values, 0.5), Quantile(values, 0.9)}
}

// Median returns the median of a sample in any order.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Quantile returns the q-quantile of a sample in any order, 0 for an empty one. It
// interpolates linearly between the two nearest of the sorted values, the first of which is
// the 0- and the last the 1-quantile (type 7 of Hyndman and Fan). Neither gonum/stat nor
// the statistics behind benchstat have that type; theirs would change published figures.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	position := q * float64(len(sorted)-1)
	below := int(position)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (position-float64(below))*(sorted[above]-sorted[below])
}

// Drift returns the median of the last quarter of the values divided by the median of the
// first. The drift of fewer than two values is 1.
func Drift(values []float64) float64 {
	if len(values) < 2 {
		return 1
	}
	quarter := max(len(values)/4, 1)
	return Median(values[len(values)-quarter:]) / Median(values[:quarter])
}
