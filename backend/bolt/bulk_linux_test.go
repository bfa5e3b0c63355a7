package bolt

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// release deletes n leases of sparse, all of a container in one transaction, in order or
// scattered.
func release(t *testing.T, s *Store, n, per, step int) {
	t.Helper()
	var addrs []netip.Addr
	for l := range sparse(n, per) {
		addrs = append(addrs, l.Addr)
	}
	containers := slices.Collect(slices.Chunk(addrs, per))
	for from := range step {
		for i := from; i < len(containers); i += step {
			require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
				for _, a := range containers[i] {
					require.NoError(t, tx.Delete(a))
				}
				return nil
			}))
		}
	}
}

// At any size, in any order of release, with the disk full to the last block.
func TestDeleteWorksOnAFullDiskAfterCreate(t *testing.T) {
	sizes := []int{1, 2, 50, 500, 3000}
	if testing.Short() {
		sizes = sizes[:3]
	}
	if os.Getenv("LEASEHOLD_EXHAUSTIVE") != "" {
		sizes = append(sizes, 7, 13, 100, 1000, 1500, 2000, 2500, 10_000, 30_000)
	}
	for _, n := range sizes {
		for _, how := range []struct{ per, step int }{{1, 1}, {1, 7}, {2, 7}, {5, 1}} {
			t.Run(fmt.Sprintf("%d leases, %d of each container, every %dth", n, how.per, how.step), func(t *testing.T) {
				dir := smallDisk(t, "32m")
				s := created(t, dir, backend.Content{Leases: sparse(n, how.per)})
				stuff(t, dir)
				release(t, s, n, how.per, how.step)
				require.Empty(t, leased(t, s))
			})
		}
	}
}

func TestCreateOnAFullDiskSaysSoAndLeavesNothing(t *testing.T) {
	for _, size := range []string{"4k", "64k", "1m"} { // not even the first pages; not the first batch; not all
		dir := smallDisk(t, size)
		path := filepath.Join(dir, "net")
		err := Create(path, backend.Content{Leases: sparse(30_000, 1)})
		require.ErrorIs(t, err, backend.ErrNoSpace, size)
		require.ErrorContains(t, err, path)
		require.Empty(t, entries(t, dir), size)
	}
}
