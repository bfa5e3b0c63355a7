package migrate

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/config"
)

func blocks() []backend.Block {
	return []backend.Block{{First: addr("10.0.0.0"), Last: addr("10.0.0.7"), State: backend.Open}}
}

func TestSharedStoreIsNotMovedToFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	c := sample().content()
	c.Membership, c.Blocks = backend.Membership{Space: "pods", Host: "node-1"}, blocks()
	require.NoError(t, bolt.Create(path, c))
	for _, dry := range []bool{true, false} {
		o := options(config.Files)
		o.DryRun = dry
		_, err := Run(t.Context(), path, o)
		require.ErrorIs(t, err, backend.ErrNotShareable)
		require.ErrorContains(t, err, "host node-1 shares the addresses of pods with other hosts")
		requireKind(t, config.Bolt, path)
	}
	_, _, err := Create(t.Context(), path+"2", c, options(config.Files))
	require.ErrorIs(t, err, backend.ErrNotShareable)
}

// A repaired store is still shared, and leases nothing before it was compared again.
func TestRepairOfASharedStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	c := sample().content()
	c.Membership = backend.Membership{Space: "pods", Host: "node-1", Attested: "boot"}
	c.Blocks = blocks()
	require.NoError(t, bolt.Create(path, c))
	_, err := Repair(t.Context(), path, RepairOptions{LockTimeout: time.Minute, Now: now})
	require.NoError(t, err)
	require.NoError(t, bolt.Open(path).View(t.Context(), func(tx backend.ReadTx) error {
		m, err := tx.Membership()
		require.NoError(t, err)
		require.Equal(t, backend.Membership{Space: "pods", Host: "node-1"}, m)
		got, err := backend.Blocks(tx)
		require.NoError(t, err)
		require.Equal(t, blocks(), got)
		return nil
	}))
}
