package files

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
)

// newMount returns a directory on a file system of its own.
func newMount(t *testing.T, options string) testDir {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	parent := t.TempDir()
	err := unix.Mount("tmpfs", parent, "tmpfs", 0, options)
	if err == unix.EPERM {
		t.Skip("mounting a file system takes a capability that root lacks here")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Unmount(parent, 0)) })
	return testDir{t, filepath.Join(parent, "net")}
}

func TestFullFileSystem(t *testing.T) {
	for name, options := range map[string]string{
		"without space":  "size=64k",
		"without inodes": "size=1m,nr_inodes=12",
	} {
		t.Run(name, func(t *testing.T) {
			b := newMount(t, options)
			seed(b)
			for i := 0; ; i++ {
				if os.WriteFile(b.file(fmt.Sprint("filling", i)), make([]byte, 4096), 0o600) != nil {
					break
				}
			}
			for _, fn := range []func(backend.Tx) error{
				put(lease("10.0.0.3", "new")), put(lease("10.0.0.3", "new"), lease("10.0.0.4", "new")),
			} {
				err := b.open().Update(t.Context(), fn)
				require.ErrorIs(t, err, backend.ErrNoSpace)
				require.ErrorContains(t, err, b.path)
			}
			require.Len(t, b.snapshot(), 4)
			b.update(remove("10.0.0.1", "fd00::1"))
			b.update(remove("10.0.0.2"))
			require.Equal(t, snapshot{"boot": "first"}, b.snapshot())
		})
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	b := newMount(t, "")
	b.interrupted(remove("10.0.0.1", "fd00::1"))
	want := b.snapshot()
	readOnly := func(flags uintptr) {
		require.NoError(t, unix.Mount("", filepath.Dir(b.path), "", unix.MS_REMOUNT|flags, ""))
	}
	readOnly(unix.MS_RDONLY)
	require.Equal(t, want, b.snapshot())
	require.ErrorIs(t, b.open().Update(t.Context(), nothing), unix.EROFS, "there is something to undo")

	readOnly(0)
	b.update(nothing)
	readOnly(unix.MS_RDONLY)
	b.update(nothing)
	require.ErrorIs(t, b.open().Update(t.Context(), put(lease("10.0.0.3", "new"))), unix.EROFS)

	readOnly(0)
	require.NoError(t, os.Remove(b.file(lockName)))
	readOnly(unix.MS_RDONLY)
	require.Equal(t, want, b.snapshot())
	require.ErrorIs(t, b.open().Update(t.Context(), nothing), unix.EROFS, "there is no lock")
}
