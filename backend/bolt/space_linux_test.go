package bolt

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
)

// smallDisk mounts a tmpfs of the given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func stuff(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "garbage"))
	require.NoError(t, err)
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			require.ErrorIs(t, err, unix.ENOSPC)
			return
		}
	}
}

// fills returns numbers of leases.
func fills() []int {
	if testing.Short() {
		return []int{1, 2, 50}
	}
	return []int{1, 2, 50, 500, 3000}
}

// At any fill, in any order of release, with the disk full to the last block.
func TestDeleteWorksOnAFullDisk(t *testing.T) {
	for _, n := range fills() {
		for _, step := range []int{1, 7} { // release in order, or all over the place
			t.Run(fmt.Sprintf("%d leases, every %dth", n, step), func(t *testing.T) {
				dir := smallDisk(t, "16m")
				s := Open(filepath.Join(dir, "net"))
				addrs := lease(t, s, n)
				stuff(t, dir)
				for from := range step {
					for i := from; i < n; i += step {
						require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(addrs[i]) }))
					}
				}
				require.Empty(t, leased(t, s))
			})
		}
	}
}

// Also where many share a transaction, and Puts, some of which fail, are among them.
func TestDeletesTogetherWorkOnAFullDisk(t *testing.T) {
	for _, n := range fills()[2:] {
		dir := smallDisk(t, "16m")
		s := Open(filepath.Join(dir, "net"))
		addrs := lease(t, s, n)
		stuff(t, dir)
		var all sync.WaitGroup
		another := addr("10.1.0.0")
		for i, a := range addrs {
			all.Go(func() {
				err := s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(a) })
				assert.NoError(t, err)
			})
			if i%2 == 0 {
				another = another.Next()
				a := another
				all.Go(func() {
					// That it fails, and leaves nothing, is right as well.
					if err := s.Update(ctx, put(a.String(), "another")); err != nil {
						assert.ErrorIs(t, err, backend.ErrNoSpace)
					}
				})
			}
		}
		all.Wait()
		for _, a := range leased(t, s) {
			require.Contains(t, a, "10.1.")
		}
	}
}

// lease takes n addresses in transactions of two, as a dual-stack ADD does.
func lease(t *testing.T, s *Store, n int) (addrs []netip.Addr) {
	t.Helper()
	next := addr("10.0.0.1")
	for len(addrs) < n {
		require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
			for range 2 {
				if len(addrs) < n {
					owner := fmt.Sprintf("%064x", uint64(len(addrs))*2654435761)
					require.NoError(t, put(next.String(), owner)(tx))
					addrs = append(addrs, next)
					next = next.Next()
				}
			}
			return nil
		}))
	}
	return addrs
}

// If the file has no room for all Deletes that are made at once, they share transactions as far
// as the room goes. Here it has none, or some, which a batch left when the disk was not full.
func TestDeletesShareAsFarAsThereIsRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 16,000 leases")
	}
	for _, some := range []bool{false, true} {
		dir := smallDisk(t, "16m")
		s := Open(filepath.Join(dir, "net"))
		addrs := lease(t, s, 8_000)
		if some {
			together(t, s, put("10.9.0.1", "a"), put("10.9.0.2", "b"), put("10.9.0.3", "c"), put("10.9.0.4", "d"))
		}
		stuff(t, dir)
		left := len(leased(t, s))
		before := transactions(t, s)
		fns := []func(backend.Tx) error{func(backend.Tx) error { return nil }}
		for i := 0; i < len(addrs); i += 50 { // in nearly every page
			fns = append(fns, func(tx backend.Tx) error { return tx.Delete(addrs[i]) })
		}
		for _, err := range together(t, s, fns...) {
			require.NoError(t, err)
		}
		require.Len(t, leased(t, s), left-(len(fns)-1))
		needed := transactions(t, s) - before
		require.Greater(t, needed, 1)
		require.Equal(t, some, needed < len(fns)-1, "%d for %d Deletes", needed, len(fns)-1)
	}
}

func TestPutOnAFullDiskSaysSo(t *testing.T) {
	dir := smallDisk(t, "2m")
	s := Open(filepath.Join(dir, "net"))
	lease(t, s, 100)
	stuff(t, dir)
	next := addr("10.1.0.0")
	var err error
	for err == nil {
		next = next.Next()
		err = s.Update(ctx, put(next.String(), "last"))
	}
	require.ErrorIs(t, err, backend.ErrNoSpace)
	require.ErrorContains(t, err, s.path)
	before := leased(t, s)
	require.NotContains(t, before, next.String())
	for _, a := range before {
		require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(addr(a)) }))
	}
	require.Empty(t, leased(t, s))
}

// Where the disk is full, pods are not indexed, and everything else works.
func TestIndexPodsOnAFullDiskChangesNothing(t *testing.T) {
	dir := smallDisk(t, "4m")
	s := Open(filepath.Join(dir, "net"))
	for n := 0; n < 10_000; n += 4 {
		endPods(t, s, n, n+4, podLease)
	}
	stuff(t, dir)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		require.ErrorIs(t, tx.(backend.HistoryTx).IndexPods(), backend.ErrNoSpace)
		return tx.SetCursor("0", addr("10.0.0.1"))
	}))
	require.Empty(t, historyOfPod(t, s, podLease(9999).Pod))
	require.NoError(t, s.Verify(ctx))
}

func TestFileHasNoHoles(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	lease(t, s, 400)
	info, err := os.Stat(s.path)
	require.NoError(t, err)
	require.True(t, disk.HasNoHoles(info))
	require.Less(t, info.Size(), int64(512<<10))
}

// A quota that is used up is a full disk, for one user.
func TestQuotaIsSpaceToo(t *testing.T) {
	require.ErrorIs(t, Open("net").wrapErr(unix.EDQUOT), backend.ErrNoSpace)
}
