package main

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/config"
)

// After a reboot, no ADD releases what an import has found in the store or added; what is not in the export ends.
func TestImportAfterAReboot(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	before, present := allocator.Boot{ID: "before", Started: now.Add(-time.Hour)}, allocator.Boot{ID: "present", Started: now.Add(-time.Minute)}
	lease := func(addr string) backend.Lease {
		return backend.Lease{
			Addr: netip.MustParseAddr(addr), Owner: backend.Owner{ContainerID: "c" + addr, IfName: "eth0"},
			Since: now.Add(-30 * time.Minute), Boot: before.ID,
		}
	}
	known, added, gone := lease("10.0.0.2"), lease("10.0.0.3"), lease("10.0.0.4")
	for kind, store := range map[string]backend.Store{
		config.Bolt: bolt.Open(filepath.Join(t.TempDir(), "net")), config.Files: files.Open(filepath.Join(t.TempDir(), "net")),
	} {
		t.Run(kind, func(t *testing.T) {
			require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
				require.NoError(t, tx.SetLastSearch(before.SearchRecord(now)))
				require.NoError(t, tx.Put(known))
				return tx.Put(gone)
			}))
			content := asOfNow(backend.Content{Leases: func(yield func(backend.Lease, error) bool) {
				_ = yield(known, nil) && yield(added, nil) // It has no more.
			}}, present, now)
			for _, want := range []imported{{added: 1, existing: 1}, {existing: 2}} {
				require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
					done, err := merger{present: present, now: now}.merge(tx, content)
					require.Equal(t, want, done)
					return err
				}))
			}
			released, err := allocator.ReleaseEarlierBoots(t.Context(), store, present)
			require.NoError(t, err)
			require.Len(t, released, 1)
			require.Equal(t, gone.Addr, released[0].Addr)
			if kind == config.Bolt {
				require.NoError(t, store.View(t.Context(), func(tx backend.ReadTx) error {
					l, err := tx.Lease(known.Addr)
					require.True(t, known.Since.Equal(l.Since), "it is as old as before")
					return err
				}))
			}
		})
	}
}
