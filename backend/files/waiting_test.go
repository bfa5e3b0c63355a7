package files

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
)

// A killed migration leaves its new store waiting. View, which otherwise creates nothing, moves
// it to the path.
func TestViewFinishesAMigration(t *testing.T) {
	b := newTestDir(t)
	b.update(func(tx backend.Tx) error { return tx.Put(lease("10.0.0.1", "a")) })
	place := exchange.At(b.path)
	require.NoError(t, place.MakeDir())
	old := place.BackupPath("migration", time.Now())
	require.NoError(t, os.Rename(b.path, old+".next"))
	find := func(want error) {
		b.view(func(tx backend.ReadTx) error {
			_, err := tx.Lease(ip("10.0.0.1"))
			require.ErrorIs(t, err, want)
			return nil
		})
	}
	find(backend.ErrNotFound) // The old store has not left yet.
	require.NoDirExists(t, b.path)

	require.NoError(t, os.WriteFile(old, nil, 0o600))
	find(nil)
	require.DirExists(t, b.path)
	require.NoDirExists(t, old+".next")
}

func TestViewCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	s := Open(filepath.Join(dir, "deep", "net"))
	for _, err := range []error{
		s.View(t.Context(), func(backend.ReadTx) error { return nil }),
		s.Verify(t.Context()),
	} {
		require.NoError(t, err)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}
