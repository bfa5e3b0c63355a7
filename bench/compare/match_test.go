package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/report"
)

// Everything is built and run, only with few leases and few rounds.
func TestMatch(t *testing.T) {
	l, err := newLineup(t.Context(), t.TempDir(), true)
	require.NoError(t, err)
	results := report.Results{Rounds: 2, Contestants: l.names(), Programs: l.programs()}
	for _, fill := range []int{0, 30} {
		m := match{fill: fill, contestants: l.at(fill), results: &results}
		require.NoError(t, m.play(t.Context(), 2))
	}
	played := len(l.at(0)) + len(l.at(30))
	require.Len(t, results.Series, played*len(commands))
	for _, s := range results.Series {
		require.Len(t, s.Times, 2)
		require.Positive(t, slices.Min(s.Times))
	}
	require.Len(t, results.Space, 2*3, "stock, files and bolt at either fill")
	require.NoError(t, results.Write(io.Discard, comparisons()))
}

// A plugin that gives another address than the one that is next is not measured
// but reported.
func TestMatchEndsWithTheFirstWrongAnswer(t *testing.T) {
	l, err := newLineup(t.Context(), t.TempDir(), false)
	require.NoError(t, err)
	l[0].store.Added() // which it was not
	m := match{contestants: l.at(0), results: new(report.Results)}
	require.ErrorContains(t, m.play(t.Context(), 1), "ADD of files: want address 10.0.0.3/8, got: {")
}

func TestLineup(t *testing.T) {
	all := lineup{
		{name: stock}, {name: files}, {name: bolt}, {name: boltEmpty, empty: true}, {name: emptyGo}, {name: emptyC},
	}
	require.Equal(t, []string{stock, files, bolt, emptyGo, emptyC}, all.at(0).names())
	require.Equal(t, all.names(), all.at(65_000).names())
	require.Equal(t, []string{bolt, boltEmpty, emptyGo, emptyC}, all.at(1_000_000).names())
	for _, c := range comparisons() {
		require.Subset(t, all.names(), []string{c.Of, c.To})
	}
}

func TestOrder(t *testing.T) {
	const n = 5
	places := make([]int, n)     // the sum of each one's places
	follows := map[[2]int]bool{} // who comes right after whom
	for round := range 2 * n {
		turns := order(n, round)
		require.ElementsMatch(t, []int{0, 1, 2, 3, 4}, turns)
		for place, who := range turns {
			places[who] += place
			if place > 0 {
				follows[[2]int{turns[place-1], who}] = true
			}
		}
	}
	for _, sum := range places {
		require.Equal(t, places[0], sum)
	}
	require.Len(t, follows, 2*n, "each follows either neighbour")
}

func TestCheckResult(t *testing.T) {
	const answer = `{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.4/8", "gateway": "10.0.0.1"}]}`
	require.NoError(t, checkResult(answer, 2))
	for _, wrong := range []string{
		"", "{}", "panic: no", `{"ips": []}`,
		strings.Replace(answer, ".4/8", ".5/8", 1),
		strings.Replace(answer, ".4/8", ".4/9", 1),
		strings.Replace(answer, "[{", `[{"address": "10.0.0.3/8"}, {`, 1),
	} {
		require.Error(t, checkResult(wrong, 2), wrong)
	}
	require.NoError(t, checkNothing(""))
	require.Error(t, checkNothing(answer))
}
