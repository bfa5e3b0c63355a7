package measure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/measure"
)

func TestSummarize(t *testing.T) {
	for name, tt := range map[string]struct {
		sample []float64
		want   measure.Summary
	}{
		"none":         {nil, measure.Summary{}},
		"one":          {[]float64{7}, measure.Summary{P10: 7, Median: 7, P90: 7}},
		"two":          {[]float64{20, 10}, measure.Summary{P10: 11, Median: 15, P90: 19}},
		"eleven":       {[]float64{10, 0, 9, 1, 8, 2, 7, 3, 6, 4, 5}, measure.Summary{P10: 1, Median: 5, P90: 9}},
		"one outlier":  {[]float64{1, 1, 1, 1, 1000}, measure.Summary{P10: 1, Median: 1, P90: 600.4}},
		"interpolated": {[]float64{4, 1, 3, 2}, measure.Summary{P10: 1.3, Median: 2.5, P90: 3.7}},
	} {
		t.Run(name, func(t *testing.T) {
			before := append([]float64(nil), tt.sample...)
			got := measure.Summarize(tt.sample)
			require.InDelta(t, tt.want.P10, got.P10, 1e-9)
			require.InDelta(t, tt.want.Median, got.Median, 1e-9)
			require.InDelta(t, tt.want.P90, got.P90, 1e-9)
			require.Equal(t, before, tt.sample, "the order of the rounds stays")
		})
	}
}

func TestDrift(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{nil, 1},
		{[]float64{3}, 1},
		{[]float64{3, 6}, 2},
		{[]float64{2, 2, 9, 9, 9, 9, 3, 3}, 1.5},
		{[]float64{2, 2, 2, 50, 1, 50, 2, 2, 2, 2, 2, 2}, 1}, // what is between does not count
	} {
		require.Equal(t, tt.want, measure.Drift(tt.values), tt.values)
	}
}
