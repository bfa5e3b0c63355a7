package bolt

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file that has become the backup does not take the store away that has its path by now.
func TestGiveWaySparesAnotherStore(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "old")))
	f, err := os.Open(s.path)
	require.NoError(t, err)
	defer f.Close()
	backup := s.path + ".backup"
	require.NoError(t, os.Rename(s.path, backup))
	require.NoError(t, s.giveWay(f), "nothing is at the path")
	require.NoError(t, s.Update(ctx, put("10.0.0.2", "new")))
	require.NoError(t, s.giveWay(f))
	require.Equal(t, []string{"10.0.0.2"}, leased(t, s))
	require.Equal(t, []string{"10.0.0.1"}, leased(t, Open(backup)))

	require.NoError(t, os.Remove(s.path))
	require.NoError(t, os.Link(backup, s.path))
	require.NoError(t, s.giveWay(f))
	require.NoFileExists(t, s.path)
	require.Equal(t, []string{"10.0.0.1"}, leased(t, Open(backup)), "a backup loses only its old name")
}
