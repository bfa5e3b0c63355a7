package space

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/part/parttest"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func TestRun(t *testing.T) {
	e, r := parttest.Env(t), new(result.Results)
	p := plan{fills: []int{0, 200}, rounds: 2}
	require.NoError(t, p.run(t.Context(), e, r))

	at := func(leases int, contestant, measure string) []float64 {
		return r.Values(result.Key{FileSystem: parttest.Place, Leases: leases, Contestant: contestant, Measure: measure})
	}
	for _, name := range []string{contest.Stock, contest.Files, contest.Bolt, contest.Loaded} {
		require.Len(t, at(200, name, disk), 1)
		require.Greater(t, at(200, name, disk)[0], 200*64.0, name)
	}
	require.Greater(t, at(200, contest.Memory, heap)[0], 200*64.0)
	if e.Programs.Peak.Path != "" {
		for _, name := range []string{contest.Stock, contest.Files, contest.Bolt, contest.EmptyGo} {
			require.Len(t, at(200, name, peak), 2)
			require.Greater(t, slices.Min(at(200, name, peak)), 1e6, "no Go program needs less")
		}
		parttest.Show(t, Part(), r, "| here        |         200 |", "### In memory")
	}
}

func TestPerLease(t *testing.T) {
	r := new(result.Results)
	for leases, bytes := range map[int]float64{0: 4096, 1000: 5e6} {
		r.Add(result.Key{Leases: leases, Contestant: "some", Measure: "size"}, result.Bytes, bytes)
	}
	cells := func(columns []report.Column, leases int) (all []string) {
		for _, c := range columns {
			all = append(all, c.Cell(r, result.Key{Leases: leases, Measure: "size"}))
		}
		return all
	}
	each := perLease("size", "some", "none")
	require.Equal(t, []string{"4,096", ""}, cells(each, 0))
	require.Equal(t, []string{"5,000", ""}, cells(each, 1000))
	above := growth("some", "none")
	require.Equal(t, []string{"", ""}, cells(above, 0))
	require.Equal(t, []string{"4,996", ""}, cells(above, 1000))
	require.Equal(t, []string{"", ""}, cells(above, 65_000), "not measured")
}

func TestPlan(t *testing.T) {
	full, quick := newPlan(part.Env{}), newPlan(part.Env{Quick: true})
	for _, p := range []plan{full, quick} {
		require.True(t, slices.IsSorted(p.fills), "stores only grow")
		require.Zero(t, p.fills[0], "which the others are compared with")
	}
	require.Contains(t, full.fills, 65_000, "of which the goal is")
}
