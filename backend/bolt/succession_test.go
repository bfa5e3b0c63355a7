package bolt

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
)

func TestSuccession(t *testing.T) {
	of := func(txid uint64) slot { return slot{meta: meta{root: 3, txid: txid}} }
	lost := slot{err: errors.New("lost")}
	moved := of(7)
	moved.root = 4
	for i, c := range []struct {
		first, second slot
		ok            bool
	}{
		{of(0), of(1), true},
		{of(8), of(7), true},
		{of(8), of(9), true},
		{of(7), of(7), true}, // the commit of 8 was revoked
		{of(7), moved, false},
		{of(7), of(6), true}, // copied by Tx.WriteTo
		{of(8), of(6), true}, // and one transaction later
		{of(5), of(7), true},
		{of(6), of(8), false},
		{of(8), of(10), false},
		{of(8), of(5), false},
		{of(8), of(11), false},
		{of(40), of(7), false},
		{lost, of(7), true},
		{of(40), lost, true},
		{lost, lost, true},
	} {
		require.Equal(t, c.ok, succession([2]slot{c.first, c.second}) == nil, "case %d", i)
	}
}

// The older meta page is replaced by a sound one of a later transaction, that of another
// file for instance, which leads to a tree that is sound and out of date.
func TestAMetaPageOfAnotherFileIsNotBelieved(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	for _, a := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
		require.NoError(t, s.Update(ctx, put(a, "id-"+a)))
	}
	b, err := os.ReadFile(s.path)
	require.NoError(t, err)
	setLater(b, 4)
	require.NoError(t, os.WriteFile(s.path, b, 0o600))

	require.ErrorIs(t, s.Update(ctx, put("10.0.0.3", "other")), backend.ErrDamaged)
	require.ErrorContains(t, s.Verify(ctx), "do not follow one another")
	require.NoError(t, s.Salvage(ctx, func(found Salvage) error {
		require.True(t, found.Unsure)
		require.Len(t, found.Leases, 3)
		require.Len(t, found.Lost, 1)
		require.Contains(t, found.Lost[0], "do not follow one another")
		return nil
	}))
}

// setLater has the older meta of a file be of a transaction n later.
func setLater(b []byte, n uint64) {
	txid := func(page int) []byte { return b[page*os.Getpagesize()+txidOffset:][:8] }
	page := 0
	if binary.NativeEndian.Uint64(txid(1)) < binary.NativeEndian.Uint64(txid(0)) {
		page = 1
	}
	binary.NativeEndian.PutUint64(txid(page), binary.NativeEndian.Uint64(txid(page))+n)
	p := b[page*os.Getpagesize()+headerLen:][:metaLen]
	sum := fnv.New64a()
	sum.Write(p[:metaSummed])
	binary.NativeEndian.PutUint64(p[metaSummed:], sum.Sum64())
}

// In a backup that bbolt makes, the meta pages are not each in the place of its parity.
func TestACopyByBoltIsSound(t *testing.T) {
	for _, addrs := range [][]string{{"10.0.0.1"}, {"10.0.0.1", "10.0.0.2"}} {
		from := Open(filepath.Join(t.TempDir(), "net"))
		for _, a := range addrs {
			require.NoError(t, from.Update(ctx, put(a, "id-"+a)))
		}
		to := Open(filepath.Join(t.TempDir(), "copy"))
		db, err := bbolt.Open(from.path, 0o600, &bbolt.Options{ReadOnly: true})
		require.NoError(t, err)
		require.NoError(t, db.View(func(tx *bbolt.Tx) error { return tx.CopyFile(to.path, 0o600) }))
		require.NoError(t, db.Close())
		require.NoError(t, to.Verify(ctx))
		for _, a := range []string{"10.0.1.1", "10.0.1.2", "10.0.1.3"} {
			require.NoError(t, to.Update(ctx, put(a, "id-"+a)))
			require.NoError(t, to.Verify(ctx))
			require.NoError(t, to.Salvage(ctx, func(found Salvage) error {
				require.False(t, found.Unsure)
				require.Empty(t, found.Lost)
				return nil
			}))
		}
	}
}
