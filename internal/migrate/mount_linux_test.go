package migrate

import (
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

// A directory on which something is mounted cannot be renamed: the store stays in its place,
// and the new one is removed.
func TestRunOnAMountPoint(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to mount takes root")
	}
	path := filepath.Join(t.TempDir(), "podnet")
	require.NoError(t, os.Mkdir(path, 0o755))
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(path, unix.MNT_DETACH)) })
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
