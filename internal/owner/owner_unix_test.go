//go:build unix

package owner_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
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

// What root makes belongs to the owner of the directory, from the beginning.
func TestMake(t *testing.T) {
	needsRoot(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // The user can get there.
	require.NoError(t, os.Chown(dir, user, user))
	file, sub, early := filepath.Join(dir, "file"), filepath.Join(dir, "sub"), filepath.Join(dir, "early")
	f, err := owner.Create(file)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	requireOwner(t, user, file)
	require.NoError(t, owner.Mkdir(sub, 0o700))
	requireOwner(t, user, sub)
	f, err = owner.OpenFile(filepath.Join(sub, "file"), os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	requireOwner(t, user, filepath.Join(sub, "file"))

	require.NoError(t, owner.In(dir).As(func() error {
		err := os.WriteFile(early, nil, 0o600)
		if runtime.GOOS == "linux" {
			requireOwner(t, user, early)
		}
		return err
	}))
	require.Zero(t, os.Geteuid())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "later"), nil, 0o600))
	requireOwner(t, 0, filepath.Join(dir, "later"))

	// The owner may not write to it.
	require.NoError(t, os.Chmod(dir, 0o500))
	f, err = owner.Create(filepath.Join(dir, "forbidden"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	requireOwner(t, user, filepath.Join(dir, "forbidden"))
	_, err = owner.Create(file)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorIs(t, owner.Mkdir(sub, 0o700), fs.ErrExist)
}

// What was not just made stays with whom it belongs to: the owner of a directory can put into it what
// belongs to others.
func TestWhatIsThereStays(t *testing.T) {
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
		f, err := owner.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	require.Error(t, owner.Mkdir(filepath.Join(dir, "link"), 0o700))
	requireOwner(t, 0, full)
	requireOwner(t, 0, linked)
	requireOwner(t, user+1, theirs)
	requireOwner(t, 0, other)
}

func TestMakeInADirectoryOfOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := owner.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Close())
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
