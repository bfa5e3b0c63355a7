package exchange

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// leaveTo makes a store in the place, opens it, and renames it.
func (p Place) leaveTo(t *testing.T, to string) *os.Root {
	t.Helper()
	require.NoError(t, p.MakeDir())
	require.NoError(t, os.Mkdir(p.path, 0o755))
	root, err := os.OpenRoot(p.path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	for _, name := range []string{StoreLock, "10.0.0.1"} {
		require.NoError(t, root.WriteFile(name, nil, 0o600))
	}
	require.NoError(t, os.Rename(p.path, to))
	return root
}

func requireWhole(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{StoreLock, "10.0.0.1"} {
		require.FileExists(t, filepath.Join(dir, name))
	}
}

// FUSE shows a name for a while after a directory has lost it. A second mount does here.
func TestBackupDoesNotGiveWayWhereItsOldNameIsStillSeen(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a directory a second time")
	}
	p := newPlace(t)
	backup := p.backupNow()
	root := p.leaveTo(t, backup)
	require.NoError(t, os.Mkdir(p.path, 0o755))
	require.NoError(t, unix.Mount(backup, p.path, "", unix.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(p.path, unix.MNT_DETACH)) })
	require.False(t, p.isOther(root), "the old name is still seen")
	require.NoError(t, p.GiveWay(root, true))
	requireWhole(t, backup)
}

// While a migration exchanges two names, the old store is at a path that no backup has.
func TestStoreElsewhereDoesNotGiveWay(t *testing.T) {
	for _, other := range []bool{false, true} {
		p := newPlace(t)
		to := p.Staged(false, nil)
		root := p.leaveTo(t, to)
		if other {
			entry{true, "new"}.make(t, p.path)
		}
		require.NoError(t, p.GiveWay(root, true))
		requireWhole(t, to)
		if other {
			entry{true, "new"}.requireAt(t, p.path)
		}
	}
}
