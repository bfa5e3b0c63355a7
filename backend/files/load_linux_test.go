package files

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// TestCreateOnAFullFileSystem runs out of space in the only batch, in the first one, in a later
// one, and for lack of inodes. That the file system can be unmounted afterwards shows that all
// files were closed.
func TestCreateOnAFullFileSystem(t *testing.T) {
	for options, sizes := range map[string][]int{
		"size=64k":               {20, 200, 1000},
		"size=1m":                {257, 1000},
		"size=1m,nr_inodes=12":   {20, 200},
		"size=1m,nr_inodes=1":    {0, 1},
		"size=64m,nr_inodes=900": {1000, 20_000},
	} {
		for _, n := range sizes {
			b := newMount(t, options)
			err := Create(b.path, backend.Content{Leases: consecutive(n)})
			require.ErrorIs(t, err, backend.ErrNoSpace, "%s, %d leases", options, n)
			require.ErrorContains(t, err, b.path)
			requireEmpty(t, filepath.Dir(b.path))
		}
	}
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestFailedCreateClosesFiles ends the content with an error, at every stage of a batch.
func TestFailedCreateClosesFiles(t *testing.T) {
	unreadable := errors.New("unreadable")
	for _, n := range []int{0, 1, batchLen - 2, batchLen - 1, batchLen, 3*batchLen + 5} {
		b := newMount(t, "")
		err := Create(b.path, backend.Content{Leases: func(yield func(backend.Lease, error) bool) {
			for l := range consecutive(n) {
				if !yield(l, nil) {
					return
				}
			}
			yield(backend.Lease{}, unreadable)
		}})
		require.ErrorIs(t, err, unreadable)
		requireEmpty(t, filepath.Dir(b.path))
	}
}
