package bolt

import (
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

var full = backend.Lease{
	Addr: netip.MustParseAddr("10.88.0.2"),
	Owner: backend.Owner{
		ContainerID: "4f2d9c7be0a1f3d5c6b7a8990123456789abcdef0123456789abcdef01234567",
		IfName:      "eth0",
	},
	Since: time.Unix(1764000000, 0).UTC(),
	Pod:   backend.Pod{Namespace: "kube-system", Name: "coredns-674b8bbfcf-x7k2p"},
	Netns: "/var/run/netns/cni-0b9e6a63-0c77-5d3b-8e51-6f1f0f9c2a11",
}

// earlierFormat returns a store as an earlier version made it, with the lease full.
func earlierFormat(t *testing.T, version byte) *Store {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Put(full) }))
	db, err := bbolt.Open(s.path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(b *bbolt.Tx) error {
		for _, name := range format.Buckets() {
			if format.BucketSince(name) > version {
				require.NoError(t, b.DeleteBucket(name))
			}
		}
		return b.Bucket(format.MetaBucket).Put(format.VersionKey, []byte{version})
	}))
	require.NoError(t, db.Close())
	removeSeals(t, s.path)
	return s
}

func formatOf(t *testing.T, s *Store) (value []byte) {
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(b *bbolt.Tx) error {
		value = append(value, b.Bucket(format.MetaBucket).Get(format.VersionKey)...)
		return nil
	}))
	return value
}

func TestFirstFormatIsRead(t *testing.T) {
	s := earlierFormat(t, 1)
	require.NoError(t, s.Verify(ctx))
	require.NoError(t, Open(s.path, Checked()).View(ctx, func(tx backend.ReadTx) error {
		require.NoError(t, all(tx))
		l, err := tx.Lease(full.Addr)
		require.Equal(t, full, l)
		return err
	}))
	require.NoError(t, s.Salvage(ctx, func(found Salvage) error {
		require.Equal(t, []backend.Lease{full}, found.Leases)
		return nil
	}))
	require.NoError(t, s.Update(ctx, func(backend.Tx) error { return nil }))
	boom := errors.New("boom")
	require.ErrorIs(t, s.Update(ctx, func(tx backend.Tx) error {
		require.NoError(t, tx.Delete(full.Addr))
		return boom
	}), boom)
	require.Equal(t, []byte{1}, formatOf(t, s), "nothing was written")
}

// A program of an earlier format rejects a store of this one, in which the record of a time with
// nanoseconds would look damaged, and a transaction that was interrupted would look whole.
func TestEarlierFormatsAreUpgraded(t *testing.T) {
	fine := full
	fine.Addr, fine.Since = netip.MustParseAddr("10.88.0.3"), time.Unix(1764000000, 987_654_321).UTC()
	for name, write := range map[string]func(backend.Tx) error{
		"Put":           func(tx backend.Tx) error { return tx.Put(fine) },
		"Delete":        func(tx backend.Tx) error { return tx.Delete(full.Addr) },
		"SetCursor":     func(tx backend.Tx) error { return tx.SetCursor("0", full.Addr) },
		"SetLastSearch": func(tx backend.Tx) error { return tx.SetLastSearch("present") },
		"Record":        func(tx backend.Tx) error { return tx.(backend.HistoryTx).Record(endedLease(full)) },
	} {
		t.Run(name, func(t *testing.T) {
			for version := byte(1); version < format.Version; version++ {
				s := earlierFormat(t, version)
				require.Equal(t, page.Unsealed, outcomeAt(t, s.path))
				require.NoError(t, s.Update(ctx, write))
				require.Equal(t, page.Durable, outcomeAt(t, s.path))
				require.Equal(t, []byte{format.Version}, formatOf(t, s))
				require.NoError(t, s.Verify(ctx))
			}
		})
	}
	s := earlierFormat(t, 1)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Put(fine) }))
	require.NoError(t, s.View(ctx, func(tx backend.ReadTx) error {
		for _, want := range []backend.Lease{full, fine} {
			l, err := tx.Lease(want.Addr)
			require.NoError(t, err)
			require.Equal(t, want, l)
		}
		return nil
	}))
}

func TestUnknownVersions(t *testing.T) {
	for _, value := range [][]byte{nil, {}, {0}, {format.Version + 1}, {format.SharedVersion - 1}, {format.SharedVersion + 1}, {1, 0}} {
		_, known := format.ParseVersion(value)
		require.False(t, known, value)
	}
}
