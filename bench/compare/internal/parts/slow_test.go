package parts

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
	"github.com/leasehold/leasehold/internal/measure"
)

// In the place slow every sync waits, of directories too, and the plugins run as elsewhere.
func testSlow(t *testing.T, programs peers.Programs) {
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("no FUSE here: %v", err)
	} else {
		require.NoError(t, f.Close())
	}
	const delay = 50 * time.Millisecond
	slow, err := measure.MountSlow(programs.Slow.Path, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() {
		// Both fail if it has been done below. The second succeeds with open files too.
		_ = slow.Unmount()
		_ = syscall.Unmount(slow.Dir, syscall.MNT_DETACH)
	})
	kind, device := measure.FileSystem(slow.Dir)
	require.Equal(t, "fuse.slow slow", kind+" "+device)

	_, err = slow.Delay(delay)
	require.NoError(t, err)
	for path, open := range map[string]func(string) (*os.File, error){
		filepath.Join(slow.Dir, "file"): os.Create, slow.Dir: os.Open,
	} {
		f, err := open(path)
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, f.Sync())
		require.GreaterOrEqual(t, time.Since(began), delay)
		require.NoError(t, f.Close())
	}
	syncs, err := slow.Delay(0)
	require.NoError(t, err)
	require.Equal(t, 2, syncs)

	e := &Env{Programs: programs, Samples: &samples.Set{Part: "whole"},
		Places: []Place{{Name: "slow", Dir: slow.Dir, Slow: slow, Delay: delay}}}
	s := scene{
		name: "dual-stack", subnets: subnets("10.0.0.0/24", "fd00::/64"), leases: []int{2}, warmUps: 1, rounds: 2, turn: addCheckDelete,
		peers: []string{peers.Stock, peers.Files, peers.Bolt},
	}
	require.NoError(t, e.play(t.Context(), s))
	for store, want := range map[string]float64{peers.Stock: 0, peers.Files: 6, peers.Bolt: 1} {
		k := samples.Key{Store: store, FS: "slow", Case: s.name, Leases: 2}
		require.Equal(t, []float64{want, want}, e.Samples.Values(k, "ADD-syncs"), store)
		require.GreaterOrEqual(t, e.Samples.Values(k, "ADD-ns")[0], want*float64(delay), store)
	}
	f, err := os.Open(slow.Dir)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		began := time.Now()
		return f.Sync() == nil && time.Since(began) < delay
	}, time.Minute, time.Millisecond, "the delay ends with the rounds")
	require.NoError(t, f.Close())
	require.NoError(t, slow.Unmount())
	require.NoFileExists(t, filepath.Join(slow.Dir, "file"))

	_, err = measure.MountSlow("/bin/false", t.TempDir())
	require.ErrorContains(t, err, "a slow disk needs /dev/fuse")
}
