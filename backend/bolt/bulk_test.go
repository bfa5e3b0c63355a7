package bolt

import (
	"fmt"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// sparse returns n leases of pods with all details. Each container has per consecutive
// addresses, none of them next to an address of another container.
func sparse(n, per int) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		next := addr("10.0.0.1")
		for i := range n {
			container := uint64(i/per+1) * 0x9e3779b97f4a7c15
			if i%per == 0 {
				next = next.Next()
			}
			l := backend.Lease{
				Addr:  next,
				Owner: backend.Owner{ContainerID: fmt.Sprintf("%064x", container), IfName: fmt.Sprintf("eth%d", i%per)},
				Since: time.Unix(1_700_000_000, 0).UTC(),
				Boot:  fmt.Sprintf("boot %d", i/1000),
				Pod:   backend.Pod{Namespace: "default", Name: fmt.Sprintf("web-%d", i)},
				Netns: "/var/run/netns/cni-5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77",
			}
			if !yield(l, nil) {
				return
			}
			next = next.Next()
		}
	}
}

func created(t *testing.T, dir string, c backend.Content) *Store {
	t.Helper()
	s := Open(filepath.Join(dir, "net"))
	require.NoError(t, Create(s.path, c))
	return s
}

// Far more leases than a chunk has, and each of them a run.
func TestCreateOfManyLeasesIsWhole(t *testing.T) {
	const n = 30_000
	s := created(t, t.TempDir(), backend.Content{Leases: sparse(n, 1)})
	require.NoError(t, s.Verify(ctx))
	require.NoError(t, s.View(ctx, func(r backend.ReadTx) error {
		next, stop := iter.Pull2(r.Leases(netip.Addr{}))
		defer stop()
		for want := range sparse(n, 1) {
			got, err, ok := next()
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, want, got)
		}
		_, _, ok := next()
		require.False(t, ok)
		return nil
	}))
}

// Create makes the file under a name that is not its final one.
func TestCreateLeavesTheDirectoryToTheFirstUpdate(t *testing.T) {
	s := created(t, t.TempDir(), backend.Content{Leases: sparse(3, 1)})
	require.Equal(t, page.Sealed, outcomeAt(t, s.path))
	require.NoError(t, s.Update(ctx, put("10.9.0.1", "a")))
	require.Equal(t, page.Durable, outcomeAt(t, s.path))
}

func TestCreateNumbersBootsFromOne(t *testing.T) {
	s := created(t, t.TempDir(), backend.Content{Leases: sparse(2001, 1), LastSearch: "boot 1"})
	require.NoError(t, s.View(ctx, func(r backend.ReadTx) error {
		var boots []string
		err := r.(*tx).boots.ForEach(func(k, v []byte) error {
			boots = append(boots, fmt.Sprintf("%x %s", k, v))
			return nil
		})
		require.Equal(t, []string{"0000000000000001 boot 0", "0000000000000002 boot 1", "0000000000000003 boot 2"}, boots)
		return err
	}))
}

// The file is as dense as one that grew in the best order, and has hardly any free page.
func TestCreateWastesNoPages(t *testing.T) {
	s := created(t, t.TempDir(), backend.Content{Leases: sparse(20_000, 1)})
	require.NoError(t, s.View(ctx, func(r backend.ReadTx) error {
		v := r.(*tx)
		pages := 0
		for bucket, fill := range map[*bbolt.Bucket]float64{v.leases.bbolt: 0.9, v.runs.bbolt: 0.85, v.owners.bbolt: 0.65} {
			s := bucket.Stats()
			require.Greater(t, float64(s.LeafInuse)/float64(s.LeafAlloc), fill)
			pages += s.LeafPageN + s.LeafOverflowN + s.BranchPageN + s.BranchOverflowN
		}
		require.Less(t, int(v.bolt.Size())/v.pageSize-pages, 32)
		return nil
	}))
}

func TestCreatedFileIsPrivateAndHasNoHoles(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 20_000} {
		s := created(t, t.TempDir(), backend.Content{Leases: sparse(n, 1)})
		info, err := os.Stat(s.path)
		require.NoError(t, err)
		require.True(t, disk.HasNoHoles(info), "%d leases", n)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.NoError(t, s.Verify(ctx))
	}
}
