package files_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
)

// A directory of lease files cannot be shared: the stock plugin would lease from the whole range.
func TestCannotBeShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	require.ErrorIs(t, files.Create(path, backend.Content{Membership: backend.Membership{Space: "pods"}}), backend.ErrNotShareable)
	_, err := os.Lstat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	var leaked backend.Tx
	require.NoError(t, files.Open(path).Update(t.Context(), func(tx backend.Tx) error {
		leaked = tx
		_, err := backend.AsShared(tx)
		require.ErrorIs(t, err, backend.ErrNotShareable)
		m, err := tx.Membership()
		require.NoError(t, err)
		require.Zero(t, m)
		blocks, err := backend.Blocks(tx)
		require.NoError(t, err)
		require.Empty(t, blocks)
		for _, err := range tx.Blocks(netip.MustParseAddr("fe80::1%eth0")) {
			require.ErrorIs(t, err, backend.ErrInvalid)
		}
		return nil
	}))
	_, err = leaked.Membership()
	require.ErrorIs(t, err, backend.ErrInvalid, "after the transaction")
	_, err = backend.Blocks(leaked)
	require.ErrorIs(t, err, backend.ErrInvalid, "after the transaction")
}
