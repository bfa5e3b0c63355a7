package parts

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
)

// liar returns a peer whose plugin always answers the same, and which holds 10.0.0.2.
func liar(t *testing.T, answer string) *peers.Peer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+answer+"'\n"), 0o700))
	programs := peers.Programs{Leasehold: peers.Program{Path: path}}
	p := peers.NewLineup(programs, t.TempDir(), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, peers.Files)[0]
	next, _ := p.Store.Next()
	require.NoError(t, p.Store.Added(next))
	return p
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
		b := &burst{peer: liar(t, answer), left: 1000}
		_, err := b.run(t.Context(), 3)
		require.ErrorContains(t, err, want)
		require.Greater(t, b.left, 900, "it goes on")
	}
}

// From the moment that a DEL begins, another container may get the address.
func TestAddressOfARunningDeleteIsFree(t *testing.T) {
	b := &burst{peer: liar(t, "")}
	a := b.peer.Store.At(0)
	_, err := b.delete()
	require.ErrorContains(t, err, "unexpected output")
	require.Zero(t, b.peer.Store.Len())
	a.Container++
	require.NoError(t, b.peer.Store.Added(a))
}

func TestBurstKeepsQuantiles(t *testing.T) {
	b := &burst{adds: []float64{1, 2, 9}, dels: []float64{4}}
	kept := make(map[string]float64)
	b.keep(func(unit string, value float64) { kept[unit] = value }, 2e9)
	require.Equal(t, map[string]float64{
		"commands/s": 2, "ADD-p50-ns": 2, "ADD-p99-ns": kept["ADD-p99-ns"], "ADD-worst-ns": 9,
		"DEL-p50-ns": 4, "DEL-p99-ns": 4, "DEL-worst-ns": 4,
	}, kept)
	require.InDelta(t, 8.86, kept["ADD-p99-ns"], 1e-9)
}
