package churn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/part/parttest"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func TestRun(t *testing.T) {
	e, r := parttest.Env(t), new(result.Results)
	p := plan{subnet: "10.0.0.0/26", held: 40, commands: 40, fewer: 2, windows: 4}
	require.NoError(t, p.run(t.Context(), e, r))

	require.Len(t, r.Series, 4*4+3, "two commands, each by its median and its 99 %, and sizes of stores")
	for _, s := range r.Series {
		want := p.windows
		if s.Measure == size {
			want++ // before the first
		}
		require.Len(t, s.Values, want)
	}
	parttest.Show(t, Part(), r, "| here        | bolt     | 40 commands |", "| here        | stock    | 20 commands |",
		"drift of ADD, bolt / empty Go")
}

func TestPlan(t *testing.T) {
	for _, e := range []part.Env{{}, {Quick: true}} {
		p := newPlan(e)
		for _, name := range []string{contest.Stock, contest.Bolt} {
			require.Zero(t, p.of(name)%(2*p.windows), "as many commands as it says")
		}
	}
	require.Equal(t, 100_000, newPlan(part.Env{}).of(contest.Bolt))
}

func TestSizes(t *testing.T) {
	sizes := []float64{2 << 20, 6 << 20, 5 << 20}
	require.Equal(t, 2.0, first(sizes))
	require.Equal(t, 6.0, largest(sizes))
	require.Equal(t, 3.0, growth(sizes))
}

// The machine became slower by a half, and bolt with it: that is no drift.
func TestDriftIsBesideTheMachine(t *testing.T) {
	r := new(result.Results)
	for i := range 8 {
		slower := 1 + float64(i/4)/2
		for contestant, ns := range map[string]float64{contest.Bolt: 3e6, contest.EmptyGo: 1e6} {
			r.Add(result.Key{FileSystem: "here", Contestant: contestant, Measure: "ADD"}, result.Nanoseconds, ns*slower)
		}
	}
	goal := goals()[1]
	require.Equal(t, []float64{1}, goal.Values(r, "here"))
	require.Empty(t, goal.Values(r, "elsewhere"))
}
