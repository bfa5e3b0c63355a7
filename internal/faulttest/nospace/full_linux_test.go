package nospace

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// The disk starts with nothing and gets one unit more each time, until the whole pool can
// be leased. So every allocation fails once.
func TestEveryMomentOfRunningOut(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		for _, r := range resources() {
			moments, leases := 0, 0
			for n, last := 1, 0; last < poolSize(); n = nextAmount(n) {
				onTmpfs(t, r.options(n), func(d disk) {
					last = runOut(d, d.network(store, dual, poolSize()), r, poolSize(), moments)
				})
				moments, leases = moments+1, leases+last
			}
			t.Logf("%s: %d moments, %d leases made and released", r.name, moments, leases)
		}
	})
}

// Something else fills a disk that had enough space.
func TestEveryFill(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		for _, r := range resources() {
			for leases := range poolSize() {
				onTmpfs(t, r.options(500), func(d disk) {
					n := d.network(store, dual, poolSize())
					require.Equal(t, leases, runOut(d, n, r, leases, leases))
				})
			}
		}
	})
}

// Real file systems account differently for delayed writes and directories.
func TestEveryFillOfRealFileSystems(t *testing.T) {
	everything := resource{exhaust: disk.fill, restore: disk.clear}
	for kind, size := range map[string]int64{"ext4": 16 << 20, "xfs": 300 << 20} {
		t.Run(kind, func(t *testing.T) {
			image := faulttest.NewImage(t, kind, size)
			d := disk{t: t, dir: t.TempDir()}
			image.Mount(t, d.dir)
			defer func() { require.NoError(t, unix.Unmount(d.dir, unix.MNT_DETACH)) }()
			forEachStore(t, func(t *testing.T, store string, dual bool) {
				d := disk{t: t, dir: d.dir}
				for leases := 0; leases < poolSize(); leases++ {
					require.NoError(t, os.RemoveAll(d.network(store, dual, 0).Dir))
					require.Equal(t, leases, runOut(d, d.network(store, dual, poolSize()), everything, leases, leases))
				}
			})
		})
	}
}

func poolSize() int {
	switch {
	case faulttest.Exhaustive():
		return 60
	case testing.Short():
		return 3
	}
	return 6
}

// runOut leases up to limit containers, fills the disk, leases what can still be leased,
// and releases everything in the nth order. It returns the number of containers that had
// addresses before the disk was full.
func runOut(d disk, n faulttest.Network, r resource, limit, nth int) int {
	leased := lease(d.t, n, limit)
	before := len(leased)
	r.exhaust(d)
	requireStatusFails(d, n)
	maps.Copy(leased, lease(d.t, n, n.Size))
	requireHeld(d.t, n, leased)
	release(d.t, n, leased, nth)
	requireHeld(d.t, n, nil)
	r.restore(d)
	_, err := n.Plugin("STATUS", "", nil)
	require.NoError(d.t, err)
	require.NoError(d.t, n.Exercise(d.t.Context()))
	return before
}

// lease adds containers until there are upTo, or an ADD fails. STATUS must have failed
// before that.
func lease(t *testing.T, n faulttest.Network, upTo int) faulttest.Holding {
	t.Helper()
	leased, err := n.Holding(t.Context())
	require.NoError(t, err)
	for i := len(leased); i < upTo; i++ {
		id := fmt.Sprint("c", i)
		_, status := n.Plugin("STATUS", "", nil)
		addrs, err := n.Add(id)
		if err != nil {
			require.Error(t, status)
			requireNoSpace(t, n, err)
			requireHeld(t, n, leased)
			require.NoError(t, n.Del(id), "the runtime's next command")
			break
		}
		leased[id] = addrs
	}
	return leased
}

// requireNoSpace requires an error that names the path, the missing space and the next
// step.
func requireNoSpace(t *testing.T, n faulttest.Network, err error) {
	t.Helper()
	requireError(t, err, types.ErrIOFailure, n.Dir, "no space left on device")
	require.ErrorContains(t, err, "free space, or inodes")
}

// requireError requires a CNI error with that code, whose message contains the parts.
func requireError(t *testing.T, err error, code uint, parts ...string) {
	t.Helper()
	var e *types.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, "%v", e)
	for _, part := range parts {
		require.Contains(t, e.Msg, part)
	}
}

// requireStatusFails requires that STATUS reports the full disk.
func requireStatusFails(d disk, n faulttest.Network) {
	d.t.Helper()
	_, err := n.Plugin("STATUS", "", nil)
	requireError(d.t, err, types.ErrPluginNotAvailable, d.dir, "no space left on device")
	require.ErrorContains(d.t, err, "free space, or inodes")
}

func requireHeld(t *testing.T, n faulttest.Network, want faulttest.Holding) {
	t.Helper()
	got, err := n.Verify(t.Context())
	require.NoError(t, err)
	require.Equal(t, want.String(), got.String())
}

// release releases all leases, in one of several orders or with one GC.
func release(t *testing.T, n faulttest.Network, leased faulttest.Holding, nth int) {
	t.Helper()
	ids := slices.Sorted(maps.Keys(leased))
	switch nth % 4 {
	case 0:
		_, err := n.Plugin("GC", "", faulttest.Attachments())
		require.NoError(t, err)
	case 1:
		slices.Reverse(ids)
	case 2: // the middle first
		ids = slices.Concat(ids[len(ids)/2:], ids[:len(ids)/2])
	}
	for _, id := range append(ids, "never-there") {
		require.NoError(t, n.Del(id), id)
	}
}
