package stats_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

func TestSummarize(t *testing.T) {
	for name, tt := range map[string]struct {
		sample []float64
		want   stats.Summary
	}{
		"none":         {nil, stats.Summary{}},
		"one":          {[]float64{7}, stats.Summary{P10: 7, Median: 7, P90: 7}},
		"two":          {[]float64{20, 10}, stats.Summary{P10: 11, Median: 15, P90: 19}},
		"eleven":       {[]float64{10, 0, 9, 1, 8, 2, 7, 3, 6, 4, 5}, stats.Summary{P10: 1, Median: 5, P90: 9}},
		"one outlier":  {[]float64{1, 1, 1, 1, 1000}, stats.Summary{P10: 1, Median: 1, P90: 600.4}},
		"interpolated": {[]float64{4, 1, 3, 2}, stats.Summary{P10: 1.3, Median: 2.5, P90: 3.7}},
	} {
		t.Run(name, func(t *testing.T) {
			got := stats.Summarize(tt.sample)
			require.InDelta(t, tt.want.P10, got.P10, 1e-9)
			require.InDelta(t, tt.want.Median, got.Median, 1e-9)
			require.InDelta(t, tt.want.P90, got.P90, 1e-9)
			require.InDelta(t, tt.want.Median, stats.Median(tt.sample), 1e-9)
			require.InDelta(t, tt.want.P90, stats.Quantile(tt.sample, 0.9), 1e-9)
		})
	}
}

func TestSummarizeLeavesTheOrderOfRounds(t *testing.T) {
	sample := []float64{3, 1, 2}
	stats.Summarize(sample)
	stats.Quantile(sample, 1)
	require.Equal(t, []float64{3, 1, 2}, sample)
}

func TestOverlaps(t *testing.T) {
	s := stats.Summary{P10: 2, Median: 3, P90: 5}
	for _, tt := range []struct {
		other stats.Summary
		want  bool
	}{
		{stats.Summary{P10: 0, Median: 1, P90: 1.9}, false},
		{stats.Summary{P10: 0, Median: 1, P90: 2}, true},
		{stats.Summary{P10: 3, Median: 3, P90: 4}, true},
		{stats.Summary{P10: 0, Median: 3, P90: 9}, true},
		{stats.Summary{P10: 5, Median: 6, P90: 7}, true},
		{stats.Summary{P10: 5.1, Median: 6, P90: 7}, false},
	} {
		require.Equal(t, tt.want, s.Overlaps(tt.other), tt.other)
		require.Equal(t, tt.want, tt.other.Overlaps(s), tt.other)
	}
}

// In every round a takes twice as long as b, on a machine whose speed changes from
// round to round. The medians alone would say something else.
func TestRatiosArePairs(t *testing.T) {
	a := []float64{2, 20, 200}
	require.Equal(t, []float64{2, 2, 2}, stats.Ratios(a, []float64{1, 10, 100}))
	require.Equal(t, []float64{0.02, 2, 200}, stats.Ratios(a, []float64{100, 10, 1}))
}

func TestRatiosOfRoundsThatAreMissing(t *testing.T) {
	require.PanicsWithValue(t, "ratios of 2 rounds to 1 rounds", func() {
		stats.Ratios([]float64{1, 2}, []float64{1})
	})
}

func TestDrift(t *testing.T) {
	require.Equal(t, 1.0, stats.Drift(nil))
	require.Equal(t, 1.0, stats.Drift([]float64{3}))
	require.Equal(t, 2.0, stats.Drift([]float64{3, 6}))
	require.Equal(t, 1.5, stats.Drift([]float64{2, 2, 9, 9, 9, 9, 3, 3}))
	require.Equal(t, 1.0, stats.Drift([]float64{2, 2, 2, 50, 1, 50, 2, 2, 2, 2, 2, 2}), "what is between is no drift")
}
