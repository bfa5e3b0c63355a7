package parts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

// liar returns a peer whose plugin always answers the same, and which holds 10.0.0.2.
func liar(t *testing.T, answer string) *turn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+answer+"'\n"), 0o700))
	programs := peers.Programs{Leasehold: peers.Program{Path: path}}
	p := peers.NewLineup(programs, t.TempDir(), subnets("10.0.0.0/24"), peers.Files)[0]
	next, _ := p.Store.Next()
	require.NoError(t, p.Store.Added(next))
	e := &Env{Samples: new(samples.Set)}
	return e.turnOf(p, samples.Key{}, Place{})
}

func TestBurstEndsWithTheFirstWrongAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"ips": [{"address": "10.0.0.2/24"}]}`: "10.0.0.2 is leased already",
		`{"ips": [{"address": "10.0.0.2/16"}]}`: "want addresses of [10.0.0.0/24]",
		`{"ips": [{"address": "10.0.1.2/24"}]}`: "want addresses of [10.0.0.0/24]",
		`{"ips": [{"address": "10.0.0.1/24"}]}`: "10.0.0.1 cannot be leased in 10.0.0.0/24",
		`{"ips": []}`:                           "want addresses of [10.0.0.0/24]",
		`no`:                                    "invalid character",
	} {
		b := &burst{turn: liar(t, answer), left: 1000}
		require.ErrorContains(t, b.run(t.Context(), 3), want)
		require.Greater(t, b.left, 900, "it goes on")
		require.Empty(t, b.env.Samples.Samples)
	}
}

// From the moment that a DEL begins, another container may get the address.
func TestAddressOfARunningDeleteIsFree(t *testing.T) {
	b := &burst{turn: liar(t, ""), left: 1}
	a := b.Store.At(0)
	require.True(t, b.delete(t.Context()))
	require.ErrorContains(t, b.err, "unexpected output")
	require.Zero(t, b.Store.Len())
	a.Container++
	require.NoError(t, b.Store.Added(a))
	require.False(t, b.delete(t.Context()))
}

func TestBurstKeepsQuantiles(t *testing.T) {
	b := &burst{turn: liar(t, ""), adds: []float64{1, 2, 9}, dels: []float64{4}}
	b.report(2e9)
	kept := make(map[string]float64)
	for _, s := range b.env.Samples.Samples {
		kept[s.Unit] = s.Values[0]
	}
	require.Equal(t, map[string]float64{
		"commands/s": 2, "ADD-p50-ns": 2, "ADD-p99-ns": kept["ADD-p99-ns"], "ADD-worst-ns": 9,
		"DEL-p50-ns": 4, "DEL-p99-ns": 4, "DEL-worst-ns": 4,
	}, kept)
	require.InDelta(t, 8.86, kept["ADD-p99-ns"], 1e-9)
}
