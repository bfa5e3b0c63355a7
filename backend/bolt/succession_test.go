package bolt

import (
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// The older meta page is replaced by a sound one of a later transaction, for instance of another
// file, which refers to a tree that is sound and outdated.
func TestMetaPageOfAnotherFileIsDamage(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	for _, a := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
		require.NoError(t, s.Update(ctx, put(a, "id-"+a)))
	}
	b, err := os.ReadFile(s.path)
	require.NoError(t, err)
	setLater(b, 4)
	require.NoError(t, os.WriteFile(s.path, b, 0o600))

	require.ErrorIs(t, s.Update(ctx, put("10.0.0.3", "other")), backend.ErrDamaged)
	require.ErrorContains(t, s.Verify(ctx), "are not consecutive")
	require.NoError(t, s.Salvage(ctx, func(found Salvage) error {
		require.True(t, found.Unsure)
		require.Len(t, found.Leases, 3)
		require.Len(t, found.Lost, 1)
		require.Contains(t, found.Lost[0], "are not consecutive")
		return nil
	}))
}

// setLater makes the older meta of a file one of a transaction n later.
func setLater(b []byte, n uint64) {
	txid := func(id int) []byte { return b[id*os.Getpagesize()+page.HeaderLen+48:][:8] }
	id := 0
	if binary.NativeEndian.Uint64(txid(1)) < binary.NativeEndian.Uint64(txid(0)) {
		id = 1
	}
	binary.NativeEndian.PutUint64(txid(id), binary.NativeEndian.Uint64(txid(id))+n)
	p := b[id*os.Getpagesize()+page.HeaderLen:][:page.MetaLen]
	sum := fnv.New64a()
	sum.Write(p[:page.MetaSummed])
	binary.NativeEndian.PutUint64(p[page.MetaSummed:], sum.Sum64())
}

// In a backup made by bbolt, a meta page can be at the position of the other parity.
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
