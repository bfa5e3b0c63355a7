package bolt

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// releases deletes the leases in transactions each of which ends a container, in order
// or all over the place.
func releases(t *testing.T, s *Store, n, per, step int) {
	var containers [][]netip.Addr
	i := 0
	for l := range sparse(n, per) {
		if i%per == 0 {
			containers = append(containers, nil)
		}
		last := &containers[len(containers)-1]
		*last = append(*last, l.Addr)
		i++
	}
	for from := range step {
		for i := from; i < len(containers); i += step {
			require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
				for _, a := range containers[i] {
					if err := tx.Delete(a); err != nil {
						return err
					}
				}
				return nil
			}))
		}
	}
}

// At any size, in any order of release, with the disk full to the last block.
func TestDeleteWorksOnAFullDiskAfterCreate(t *testing.T) {
	sizes := []int{1, 2, 50, 500, 3000}
	if os.Getenv("LEASEHOLD_EXHAUSTIVE") != "" {
		sizes = append(sizes, 7, 13, 100, 1000, 1500, 2000, 2500, 10_000, 30_000)
	}
	for _, n := range sizes {
		for _, per := range []int{1, 2, 5} {
			for _, step := range []int{1, 7} {
				t.Run(fmt.Sprintf("%d leases, %d of each container, every %dth", n, per, step), func(t *testing.T) {
					dir := smallDisk(t, "32m")
					s := created(t, dir, backend.Content{Leases: sparse(n, per)})
					stuff(t, dir)
					releases(t, s, n, per, step)
					require.Empty(t, leased(t, s))
				})
			}
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
