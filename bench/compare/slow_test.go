package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/measure"
	"github.com/leasehold/leasehold/bench/compare/internal/parts"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
)

// In the place slow every sync waits, of directories too, and the plugins run as elsewhere.
func TestSlowPlace(t *testing.T) {
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("no FUSE here: %v", err)
	} else {
		require.NoError(t, f.Close())
	}
	const delay = 50 * time.Millisecond
	disk := parts.Place{Name: "disk", Dir: t.TempDir()}
	programs, err := peers.Build(t.Context(), disk.Dir) // as run does
	require.NoError(t, err)
	place, err := mountSlow(programs.Slow, disk)
	require.NoError(t, err)
	t.Cleanup(func() { _ = place.unmount() }) // if it has not been done below
	kind, device := measure.FileSystem(place.Dir)
	require.Equal(t, "fuse.slow slow", kind+" "+device)
	require.NoError(t, place.delay(delay))

	for path, open := range map[string]func(string) (*os.File, error){
		filepath.Join(place.Dir, "file"): os.Create, place.Dir: os.Open,
	} {
		f, err := open(path)
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, f.Sync())
		require.GreaterOrEqual(t, time.Since(began), delay)
		require.NoError(t, f.Close())
	}

	subnets := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/64")}
	for _, p := range peers.NewLineup(programs, place.Dir, subnets, peers.Stock, peers.Files, peers.Bolt) {
		require.NoError(t, p.Store.Grow(t.Context(), 2))
		took, err := p.Add()
		require.NoError(t, err)
		if p.Name != peers.Stock { // which syncs nothing
			require.GreaterOrEqual(t, took, delay)
		}
		_, err = p.Check()
		require.NoError(t, err)
		_, err = p.DeleteOldest()
		require.NoError(t, err)
		require.NoError(t, p.Store.Verify(t.Context()))
	}
	require.NoError(t, place.unmount())
	require.NoFileExists(t, filepath.Join(place.Dir, "file"))
	_, err = mountSlow(peers.Program{Version: "not built"}, disk)
	require.EqualError(t, err, "-slow: not built")
}
