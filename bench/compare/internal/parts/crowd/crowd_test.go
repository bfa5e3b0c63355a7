package crowd

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/part/parttest"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func TestRun(t *testing.T) {
	e, r := parttest.Env(t), new(result.Results)
	p := plan{fills: []int{5}, crowds: []int{1, 8}, commands: 10, rounds: 2}
	require.NoError(t, p.run(t.Context(), e, r))

	require.Len(t, r.Series, len(contestants())*2*(1+2*len(quantiles())))
	for _, s := range r.Series {
		require.Len(t, s.Values, 2)
		require.Positive(t, slices.Min(s.Values))
	}
	k := result.Key{FileSystem: parttest.Place, Leases: 5, AtOnce: 8, Contestant: contest.Bolt}
	at := func(measure string) []float64 { k.Measure = measure; return r.Values(k) }
	for i := range 2 {
		require.LessOrEqual(t, at("ADD p50")[i], at("ADD p99")[i])
		require.LessOrEqual(t, at("ADD p99")[i], at("ADD worst")[i])
	}
	parttest.Show(t, Part(), r, "### Throughput, ratios", "| here        |           5 |         8 |")
}

// liar makes a contestant whose plugin always answers the same.
func liar(t *testing.T, answer string) *contest.Contestant {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+answer+"'\n"), 0o700))
	set := program.Set{Leasehold: program.Program{Path: path}}
	return contest.New(set, t.TempDir(), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, contest.Files)[0]
}

func TestBurstEndsWithTheFirstWrongAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"ips": [{"address": "10.0.0.2/24"}]}`: "10.0.0.2 is leased already",
		`{"ips": [{"address": "10.0.0.2/16"}]}`: "want an address of 10.0.0.0/24",
		`{"ips": [{"address": "10.0.1.2/24"}]}`: "want an address of 10.0.0.0/24",
		`{"ips": [{"address": "10.0.0.1/24"}]}`: "10.0.0.1 cannot be leased in 10.0.0.0/24",
		`{"ips": []}`:                           "want addresses of [10.0.0.0/24]",
		`no`:                                    "invalid character",
	} {
		b := &burst{c: liar(t, answer), left: 1000}
		next, _ := b.c.Store.Next()
		require.NoError(t, b.c.Store.Added(next)) // it holds 10.0.0.2
		_, err := b.run(t.Context(), 3)
		require.ErrorContains(t, err, want)
		require.Greater(t, b.left, 900, "it goes on")
	}
}

// From the moment that a DEL begins, another container may get the address.
func TestAddressOfARunningDeleteIsFree(t *testing.T) {
	b := &burst{c: liar(t, "")}
	next, _ := b.c.Store.Next()
	require.NoError(t, b.c.Store.Added(next))
	_, err := b.delete()
	require.Error(t, err, "a DEL answers nothing, and this one a line")
	require.Zero(t, b.c.Store.Len())
	next.Container = container.Container(1)
	require.NoError(t, b.c.Store.Added(next))
}

func TestPlan(t *testing.T) {
	full, quick := newPlan(part.Env{}), newPlan(part.Env{Quick: true})
	require.Subset(t, full.fills, quick.fills, "so that the two can be compared")
	require.Subset(t, full.crowds, quick.crowds)
	require.Contains(t, quick.crowds, 64, "of which the goals are")
}
