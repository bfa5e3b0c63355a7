package bolt

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
)

// A migration that was killed leaves its new store waiting. View, which otherwise creates
// nothing, moves it to the path.
func TestViewFinishesAMigration(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")))
	place := exchange.At(s.path)
	require.NoError(t, place.MakeDir())
	aside := place.BackupPath("migration", time.Now())
	require.NoError(t, os.Rename(s.path, aside+".next"))
	require.Empty(t, leased(t, s), "the old store has not left yet")
	require.NoFileExists(t, s.path)

	require.NoError(t, os.Mkdir(aside, 0o755))
	require.Equal(t, []string{"10.0.0.1"}, leased(t, s))
	require.FileExists(t, s.path)
	require.NoFileExists(t, aside+".next")
}

func TestViewOfNothingCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	s := Open(filepath.Join(dir, "deep", "net"))
	for _, err := range []error{
		s.View(ctx, func(backend.ReadTx) error { return nil }),
		s.Verify(ctx),
	} {
		require.NoError(t, err)
		require.Empty(t, entries(t, dir))
	}
}
