package whole

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/part/parttest"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// Everything is run, only with few leases and few rounds.
func TestRun(t *testing.T) {
	e, r := parttest.Env(t), new(result.Results)
	p := plan{fills: []int{0, 30}, rounds: 2, warmUps: 1}
	require.NoError(t, p.run(t.Context(), e, r))

	contestants := 5 + 6 // at 0 leases bolt is bolt at 0
	if e.Programs.EmptyC.Path == "" {
		contestants -= 2
	}
	require.Len(t, r.Series, contestants*2*3, "two stacks, three commands")
	for _, s := range r.Series {
		require.Len(t, s.Values, 2)
		require.Positive(t, slices.Min(s.Values))
	}
	shown := parttest.Show(t, Part(), r, "| here        | dual stack   |          30 |", "ADD at 0 leases: stock / bolt")
	require.NotContains(t, shown, "ADD at 10,000 leases", "which was not measured")
}

func TestPlan(t *testing.T) {
	full, quick := newPlan(part.Env{}), newPlan(part.Env{Quick: true})
	for _, p := range []plan{full, quick} {
		require.True(t, slices.IsSorted(p.fills), "stores only grow")
		require.Positive(t, p.warmUps)
	}
	require.Subset(t, full.fills, quick.fills, "so that the two can be compared")
	require.Equal(t, 7, newPlan(part.Env{Rounds: 7}).rounds)

	require.Equal(t, full.rounds, full.roundsAt(65_000))
	require.Equal(t, full.rounds/4, full.roundsAt(1_000_000))
	require.Equal(t, 1, plan{rounds: 2}.roundsAt(1_000_000))
}

func TestAt(t *testing.T) {
	var all contest.Lineup
	for _, name := range []string{contest.Stock, contest.Files, contest.Bolt, contest.BoltEmpty, contest.EmptyGo} {
		all = append(all, &contest.Contestant{Name: name})
	}
	require.Equal(t, contest.Lineup{all[0], all[1], all[2], all[4]}, at(all, 0))
	require.Equal(t, all, at(all, 65_000))
	require.Equal(t, all[1:], at(all, 1_000_000))
}
