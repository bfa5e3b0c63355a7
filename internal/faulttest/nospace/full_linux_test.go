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

// A disk has from nothing, one unit more each time, up to what leasing the whole pool
// takes. So each moment at which something is allocated is once that in which there is
// none left.
func TestEveryMomentOfRunningOut(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		for _, r := range resources() {
			moments, leases := 0, 0
			for n, last := 1, 0; last < poolSize(); n = following(n) {
				onDisk(t, r.options(n), func(d disk) {
					last = runOut(d, d.network(store, dual, poolSize()), r, poolSize(), moments)
				})
				moments, leases = moments+1, leases+last
			}
			t.Logf("%s: %d moments, %d leases made and released", r.name, moments, leases)
		}
	})
}

// A disk that had enough is filled by something else.
func TestEveryFill(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		for _, r := range resources() {
			for leases := range poolSize() {
				onDisk(t, r.options(500), func(d disk) {
					n := d.network(store, dual, poolSize())
					require.Equal(t, leases, runOut(d, n, r, leases, leases))
				})
			}
		}
	})
}

// Other file systems count otherwise: what is written later, what a directory takes.
func TestEveryFillOfRealFileSystems(t *testing.T) {
	everything := resource{takeRest: disk.fill, giveBack: disk.clear}
	for kind, size := range map[string]int64{"ext4": 16 << 20, "xfs": 300 << 20} {
		t.Run(kind, func(t *testing.T) {
			image := faulttest.NewImage(t, kind, size)
			d := disk{t: t, dir: t.TempDir()}
			image.Mount(t, d.dir)
			defer func() { require.NoError(t, unix.Unmount(d.dir, unix.MNT_DETACH)) }()
			everyNetwork(t, func(t *testing.T, store string, dual bool) {
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

// runOut leases what can be leased, up to a limit, then lets the disk be full, leases
// what can be leased even so, and releases all, in the nth way. It returns how many
// containers had addresses before the disk was full.
func runOut(d disk, n faulttest.Network, r resource, limit, nth int) int {
	leased := lease(d.t, n, limit)
	before := len(leased)
	r.takeRest(d)
	requireStatusSaysSo(d, n)
	maps.Copy(leased, lease(d.t, n, n.Size))
	requireHeld(d.t, n, leased)
	release(d.t, n, leased, nth)
	requireHeld(d.t, n, nil)
	r.giveBack(d)
	_, err := n.Plugin("STATUS", "", nil)
	require.NoError(d.t, err)
	require.NoError(d.t, n.Exercise(d.t.Context()))
	return before
}

// lease has containers come until there are that many, or one is refused, for which
// STATUS must not have said otherwise.
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
			require.NoError(t, n.Del(id), "what the runtime does next")
			break
		}
		leased[id] = addrs
	}
	return leased
}

// requireNoSpace requires an error that says what there is none of, where, and what to do.
func requireNoSpace(t *testing.T, n faulttest.Network, err error) {
	t.Helper()
	requireError(t, err, types.ErrIOFailure, n.Dir, "no space left on device")
	require.ErrorContains(t, err, "free space, or inodes")
}

// requireError requires a CNI error with that code, whose message has these parts.
func requireError(t *testing.T, err error, code uint, parts ...string) {
	t.Helper()
	var e *types.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, "%v", e)
	for _, part := range parts {
		require.Contains(t, e.Msg, part)
	}
}

// requireStatusSaysSo requires that STATUS tells of a full disk.
func requireStatusSaysSo(d disk, n faulttest.Network) {
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

// release releases what is leased, in one of several orders, or all at once.
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
