//go:build unix

package owner_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/owner"
)

// user is a user who does not run the tests.
const user = 12345

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
}

func requireOwner(t *testing.T, want uint32, path string) {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	st := info.Sys().(*syscall.Stat_t)
	require.Equal(t, []uint32{want, want}, []uint32{st.Uid, st.Gid}, path)
}

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() }) // Nothing has to be durable.
	return f
}

func TestGive(t *testing.T) {
	needsRoot(t)
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, user, user))
	file, sub := filepath.Join(dir, "file"), filepath.Join(dir, "sub")
	require.NoError(t, owner.GiveFile(create(t, file)))
	requireOwner(t, user, file)
	require.NoError(t, os.Mkdir(sub, 0o700))
	require.NoError(t, owner.GiveDir(sub))
	requireOwner(t, user, sub)
	require.NoError(t, owner.GiveFile(create(t, filepath.Join(sub, "file"))))
	requireOwner(t, user, filepath.Join(sub, "file"))
}

// What was not just made stays with whom it belongs to: the owner of a directory can put into it what
// belongs to others.
func TestGiveOnlyWhatIsNew(t *testing.T) {
	needsRoot(t)
	dir, other := t.TempDir(), t.TempDir()
	require.NoError(t, os.Chown(dir, user, user))
	full, linked, theirs := filepath.Join(dir, "full"), filepath.Join(dir, "linked"), filepath.Join(dir, "theirs")
	require.NoError(t, os.WriteFile(full, []byte("text"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(other, "file"), nil, 0o600))
	require.NoError(t, os.Link(filepath.Join(other, "file"), linked))
	require.NoError(t, os.WriteFile(theirs, nil, 0o600))
	require.NoError(t, os.Chown(theirs, user+1, user+1))
	require.NoError(t, os.Symlink(other, filepath.Join(dir, "link")))
	for _, path := range []string{full, linked, theirs} {
		require.NoError(t, owner.GiveFile(create(t, path)))
	}
	require.Error(t, owner.GiveDir(filepath.Join(dir, "link")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "old", "sub"), 0o700))
	require.NoError(t, owner.GiveDir(filepath.Join(dir, "old")))
	requireOwner(t, 0, filepath.Join(dir, "old"))
	requireOwner(t, 0, full)
	requireOwner(t, 0, linked)
	requireOwner(t, user+1, theirs)
	requireOwner(t, 0, other)
}

func TestGiveInADirectoryOfOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, owner.GiveFile(create(t, path)))
	require.Zero(t, owner.In(filepath.Dir(path)))
	require.Zero(t, owner.In(filepath.Join(t.TempDir(), "nowhere")))
}

// What replaces the store of a user belongs to that user, unless others could have put something into it.
func TestLike(t *testing.T) {
	needsRoot(t)
	theirs := filepath.Join(t.TempDir(), "theirs")
	require.NoError(t, os.Mkdir(theirs, 0o755))
	require.NoError(t, os.Chown(theirs, user, user))
	replaced, err := os.Lstat(theirs)
	require.NoError(t, err)
	for mode, want := range map[os.FileMode]uint32{0o755: user, 0o700: user, 0o775: 0, 0o777 | os.ModeSticky: 0} {
		dir := filepath.Join(t.TempDir(), "dir")
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.Chmod(dir, mode))
		file, store := filepath.Join(dir, "file"), filepath.Join(dir, "store")
		require.NoError(t, os.WriteFile(file, []byte("leases"), 0o600))
		require.NoError(t, os.Mkdir(store, 0o755))
		create(t, filepath.Join(store, "10.0.0.1"))
		require.NoError(t, os.Symlink(theirs, filepath.Join(store, "link")))
		require.NoError(t, owner.Like(file, replaced))
		require.NoError(t, owner.Like(store, replaced))
		for _, path := range []string{file, store, filepath.Join(store, "10.0.0.1"), filepath.Join(store, "link")} {
			requireOwner(t, want, path)
		}
	}
	require.Error(t, owner.Like(filepath.Join(t.TempDir(), "nothing"), replaced))
}
