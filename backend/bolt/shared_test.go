package bolt

import (
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

func sharedContent() backend.Content {
	addr := netip.MustParseAddr
	lease := func(s string) backend.Lease {
		return backend.Lease{Addr: addr(s), Owner: backend.Owner{ContainerID: "c" + s, IfName: "eth0"}}
	}
	leases := []backend.Lease{lease("10.0.0.4"), lease("10.0.0.5"), lease("10.0.0.9"), lease("10.0.0.12"), lease("10.0.0.13")}
	return backend.Content{
		Leases:     yieldAll(leases),
		Membership: backend.Membership{Cluster: "dc1", Space: "pods", Host: "node-1", Sequence: 7, Incarnation: backend.Mark{1}},
		Blocks: []backend.Block{
			{First: addr("10.0.0.0"), Last: addr("10.0.0.3"), State: backend.Open},
			{First: addr("10.0.0.4"), Last: addr("10.0.0.5"), State: backend.Open}, // full
			{First: addr("10.0.0.8"), Last: addr("10.0.0.9"), State: backend.Open},
			{First: addr("10.0.0.12"), Last: addr("10.0.0.13"), State: backend.Closing},
			{First: addr("10.0.0.16"), Last: addr("10.0.0.17"), State: backend.Open, Mark: backend.Mark{9}},
			{First: addr("fd00::"), Last: addr("fd00::f"), State: backend.Requested},
		},
	}
}

func yieldAll(leases []backend.Lease) func(func(backend.Lease, error) bool) {
	return func(yield func(backend.Lease, error) bool) {
		for _, l := range leases {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// createShared makes a store of sharedContent.
func createShared(t *testing.T) *Store {
	path := filepath.Join(t.TempDir(), "net")
	require.NoError(t, Create(path, sharedContent()))
	return Open(path)
}

func TestCreateShared(t *testing.T) {
	s, want := createShared(t), sharedContent()
	require.NoError(t, s.Verify(t.Context()))
	require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error {
		c, err := backend.ContentOf(tx)
		require.NoError(t, err)
		require.Equal(t, want.Membership, c.Membership)
		require.Equal(t, want.Blocks, c.Blocks)
		for _, free := range []string{"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.8", "10.0.0.16", "10.0.0.17"} {
			got, err := tx.NextFree(netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255"))
			require.NoError(t, err)
			require.Equal(t, free, got.String())
			require.NoError(t, tx.Put(backend.Lease{Addr: got, Owner: backend.Owner{ContainerID: "c"}}))
		}
		_, err = tx.NextFree(netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255"))
		require.ErrorIs(t, err, backend.ErrNoneFree)
		return nil
	}))
	require.NoError(t, s.Verify(t.Context()))
}

func TestCreateSharedRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*backend.Content){
		"blocks without a membership": func(c *backend.Content) { c.Membership = backend.Membership{} },
		"blocks in descending order":  func(c *backend.Content) { slices.Reverse(c.Blocks) },
		"blocks that overlap":         func(c *backend.Content) { c.Blocks[0].Last = c.Blocks[1].First },
		"a block without a state":     func(c *backend.Content) { c.Blocks[0].State = 0 },
		"a name with a line break":    func(c *backend.Content) { c.Membership.Host = "a\nb" },
	} {
		c := sharedContent()
		spoil(&c)
		require.ErrorIs(t, Create(filepath.Join(t.TempDir(), "net"), c), backend.ErrInvalid, name)
	}
}

// Only a shared store has a version that programs without the notion of blocks reject.
func TestSharedVersion(t *testing.T) {
	s := createShared(t)
	require.Equal(t, []byte{format.SharedVersion}, formatOf(t, s))
	require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		require.NoError(t, err)
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			defer func() { require.NoError(t, tx.Delete(l.Addr)) }()
		}
		return shared.SetMembership(backend.Membership{Space: "other"})
	}))
	require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		require.NoError(t, err)
		blocks, err := backend.Blocks(tx)
		require.NoError(t, err)
		for _, b := range blocks {
			require.NoError(t, shared.DeleteBlock(b.First))
		}
		return shared.SetMembership(backend.Membership{})
	}))
	require.Equal(t, []byte{format.Version}, formatOf(t, s))
	require.NoError(t, s.Verify(t.Context()))
}

// spoil changes the buckets of a store by bbolt, and leaves no seal.
func spoil(t *testing.T, s *Store, change func(*bbolt.Tx) error) {
	db, err := bbolt.Open(s.path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(change))
	require.NoError(t, db.Close())
	removeSeals(t, s.path)
}

func putKey(bucket, key, value []byte) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(key, value) }
}

func TestVerifyShared(t *testing.T) {
	key := func(s string) []byte { return format.AddrKey(netip.MustParseAddr(s)) }
	block := func(first, last string) []byte {
		return format.EncodeBlock(backend.Block{First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), State: backend.Open})
	}
	for name, tt := range map[string]struct {
		change func(*bbolt.Tx) error
		text   string
	}{
		"a membership that was changed": {putKey(format.SharedBucket, format.MembershipKey, []byte("0123456789")), "membership has a wrong checksum"},
		"a block that was changed":      {putKey(format.BlocksBucket, key("10.0.0.0"), block("10.0.0.1", "10.0.0.3")), "block from 10.0.0.0 has a wrong checksum"},
		"blocks that overlap":           {putKey(format.BlocksBucket, key("10.0.0.3"), block("10.0.0.3", "10.0.0.3")), "overlaps block 10.0.0.0-10.0.0.3"},
		"a full block among the vacant": {putKey(format.VacantBucket, key("10.0.0.4"), key("10.0.0.5")), "index of vacant blocks has 040a000004"},
		"a vacant block that is not listed": {func(tx *bbolt.Tx) error {
			return tx.Bucket(format.VacantBucket).Delete(key("10.0.0.8"))
		}, "index of vacant blocks lacks 040a000008"},
		"a store that lost its version": {putKey(format.MetaBucket, format.VersionKey, []byte{format.Version}), `bucket "shared" is there, but the store is not marked as shared`},
		"a store that lost its blocks":  {func(tx *bbolt.Tx) error { return tx.DeleteBucket(format.BlocksBucket) }, `bucket "blocks" is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			s := createShared(t)
			spoil(t, s, tt.change)
			err := s.Verify(t.Context())
			require.ErrorIs(t, err, backend.ErrDamaged)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

// A block whose record was changed is no reason to lease from it.
func TestDamagedBlockIsNotLeased(t *testing.T) {
	s := createShared(t)
	addr := netip.MustParseAddr("10.0.0.0")
	value := format.EncodeBlock(backend.Block{First: addr, Last: addr, State: backend.Open})
	value[len(value)-5] ^= 4 // the end of the block
	spoil(t, s, putKey(format.BlocksBucket, format.AddrKey(addr), value))
	err := s.Update(t.Context(), func(tx backend.Tx) error {
		return tx.Put(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: "c"}})
	})
	require.ErrorIs(t, err, backend.ErrDamaged)
}

func TestSalvageShared(t *testing.T) {
	read := func(t *testing.T, s *Store) (got Salvage) {
		require.NoError(t, s.Salvage(t.Context(), func(r Salvage) error { got = r; return nil }))
		return got
	}
	t.Run("reads everything, and has it compared again", func(t *testing.T) {
		s, want := createShared(t), sharedContent()
		require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error {
			shared, err := backend.AsShared(tx)
			want.Membership.Attested = "boot"
			return errors.Join(err, shared.SetMembership(want.Membership))
		}))
		got := read(t, s)
		want.Membership.Attested = ""
		require.Equal(t, want.Membership, got.Membership)
		require.Equal(t, want.Blocks, got.Blocks)
		require.Empty(t, got.Lost)
	})
	t.Run("leaves a lost block out", func(t *testing.T) {
		s, want := createShared(t), sharedContent()
		spoil(t, s, putKey(format.BlocksBucket, format.AddrKey(want.Blocks[1].First), []byte("0123456789")))
		got := read(t, s)
		require.Equal(t, slices.Delete(want.Blocks, 1, 2), got.Blocks)
		require.NotEmpty(t, got.Lost)
	})
	t.Run("stays shared when the membership is lost", func(t *testing.T) {
		s := createShared(t)
		spoil(t, s, putKey(format.SharedBucket, format.MembershipKey, []byte("0123456789")))
		got := read(t, s)
		require.Equal(t, backend.Membership{Stopped: "the membership was lost in a repair"}, got.Membership)
		require.Equal(t, sharedContent().Blocks, got.Blocks)
		require.NotEmpty(t, got.Lost)
	})
}
