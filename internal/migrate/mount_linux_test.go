package migrate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

// mount mounts a file system until the test ends.
func mount(t *testing.T, source, dir, kind string, flags uintptr, options string) {
	t.Helper()
	err := unix.Mount(source, dir, kind, flags, options)
	if errors.Is(err, unix.EPERM) {
		t.Skip("mounting a file system takes root and CAP_SYS_ADMIN")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
}

// A directory on which something is mounted cannot be renamed: the store stays in its place,
// and the new one is removed.
func TestRunOnAMountPoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	require.NoError(t, os.Mkdir(path, 0o755))
	mount(t, "tmpfs", path, "tmpfs", 0, "size=1m")
	store := stores.OpenChecked(path, config.Files)
	require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
		for _, l := range sample().leases {
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		return nil
	}))
	before := stateOf(t, path)

	_, err := Run(t.Context(), path, options(config.Bolt))
	require.ErrorIs(t, err, unix.EBUSY)
	requireKind(t, config.Files, path)
	require.Equal(t, before, stateOf(t, path))
	require.Empty(t, backups(t, path))
}
