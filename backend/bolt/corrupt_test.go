package bolt

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// all reads everything in a store.
func all(r backend.ReadTx) error {
	if _, err := r.Cursors(); err != nil {
		return err
	}
	for _, err := range r.Leases(netip.Addr{}) {
		if err != nil {
			return err
		}
	}
	h, ok := r.(backend.HistoryReadTx)
	if !ok {
		return nil
	}
	for e, err := range h.History() {
		if err != nil {
			return err
		}
		for _, err := range h.HistoryOf(e.Addr) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// A store without Checked returns, too, whatever its file holds.
func TestStoreEnduresDamage(t *testing.T) {
	eachDamage(t, append(damagers(), forgers()...), func(o *original, _ damager, damaged []byte) {
		require.NoError(t, os.WriteFile(o.path, damaged, 0o600))
		s := Open(o.path)
		_ = s.View(ctx, all) // Whatever errors there are, here and below: that it returns is what counts.
		_ = s.View(ctx, ask(o))
		_ = s.Update(ctx, change(o))
		_ = s.View(ctx, all)
	})
}

// damagedIn returns the file of an original with one page of a bucket changed.
func damagedIn(t *testing.T, o *original, bucket, kind string, change func(p []byte)) []byte {
	t.Helper()
	for id := range o.pages {
		if o.buckets[id] == bucket && o.kinds[id] == kind {
			b := slices.Clone(o.image)
			change(b[id*o.pageSize:][:o.pageSize])
			return b
		}
	}
	require.Fail(t, "no such page", "%s of %s", kind, bucket)
	return nil
}

// bbolt recurses until the stack is full.
func TestBranchThatLeadsToItselfIsDamage(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	for _, bucket := range []string{"leases", "owners"} {
		for _, element := range []int{0, 1} {
			damaged := damagedIn(t, o, bucket, "branch", func(p []byte) {
				at := page.HeaderLen + page.ElementLen*element + 8
				binary.NativeEndian.PutUint64(p[at:], page.ParseHeader(p).ID)
			})
			require.NoError(t, os.WriteFile(o.path, damaged, 0o600))
			err := Open(o.path).Update(ctx, func(tx backend.Tx) error { return walkOf(tx, bucket) })
			require.ErrorIs(t, err, backend.ErrDamaged)
			require.ErrorContains(t, err, o.path)
			require.ErrorContains(t, err, bucket)
		}
	}
}

// walkOf visits each leaf of a bucket.
func walkOf(b backend.Tx, bucket string) (err error) {
	t := b.(*tx)
	defer t.rescue(&err)
	return map[string]interface {
		ForEach(func(k, v []byte) error) error
	}{"leases": t.leases, "owners": t.owners}[bucket].ForEach(func(_, _ []byte) error { return nil })
}

// bbolt frees as many overflow pages as a page claims to have.
func TestPageWithTooManyOverflowPagesIsDamage(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	huge := func(p []byte) { binary.NativeEndian.PutUint32(p[12:], 1<<31) }
	for _, bucket := range []string{"leases", "owners", "root"} {
		require.NoError(t, os.WriteFile(o.path, damagedIn(t, o, bucket, "leaf", huge), 0o600))
		require.ErrorIs(t, Open(o.path).Update(ctx, deleteAll(o)), backend.ErrDamaged, bucket)
	}
	damaged := slices.Clone(o.image)
	huge(damaged[slices.Index(o.kinds, "freelist")*o.pageSize:])
	require.NoError(t, os.WriteFile(o.path, damaged, 0o600))
	err := Open(o.path).Update(ctx, put("11.0.0.1", "a"))
	require.ErrorIs(t, err, backend.ErrDamaged)
	require.ErrorContains(t, err, "freelist")
}

func deleteAll(o *original) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		for a := range o.leases {
			if err := tx.Delete(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// A fault that a checker finds is no reason to leak the mapping of the file.
func TestFaultThatACheckerFindsClosesTheStore(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	// The pages of the last transaction are compared before bbolt reads any: leases are in none of them.
	require.NoError(t, os.WriteFile(o.path, o.image, 0o600))
	require.NoError(t, Open(o.path).Update(ctx, func(tx backend.Tx) error { return tx.SetCursor("0", addr("10.0.0.78")) }))
	var err error
	o.image, err = os.ReadFile(o.path)
	require.NoError(t, err)
	damaged := damagedIn(t, o, "leases", "leaf", func(p []byte) { p[0] ^= 1 })
	require.NoError(t, os.WriteFile(o.path, damaged, 0o600))
	var s *session
	err = Open(o.path).Update(ctx, func(b backend.Tx) error { s = b.(*tx).session; return deleteAll(o)(b) })
	require.ErrorIs(t, err, backend.ErrDamaged)
	require.NoError(t, s.damage, "bbolt has not met it")
	require.Nil(t, s.bolt.DB())
}

// The commit writes what is still in the cache, and can find damage too.
func TestDamageThatTheCommitFindsIsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	require.NoError(t, Open(path).Update(ctx, func(tx backend.Tx) error {
		for i := range byte(100) {
			if err := put(netip.AddrFrom4([4]byte{10, 0, 0, 2 * i}).String(), "a")(tx); err != nil {
				return err
			}
		}
		return nil
	}))
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	a, b := format.AddrKey(addr("10.0.0.2")), format.AddrKey(addr("10.0.0.4"))
	at := bytes.Index(image, slices.Concat(a, a, b, b)) // keys and values of the index
	require.Positive(t, at)
	image[at+len(a)-1] ^= 0x80 // It is out of order.
	require.NoError(t, os.WriteFile(path, image, 0o600))
	soon(t, "commit", func() {
		require.ErrorIs(t, Open(path).Update(ctx, put("10.0.0.201", "b")), backend.ErrDamaged)
		require.ErrorIs(t, Open(path).Update(ctx, put("10.0.0.201", "b")), backend.ErrDamaged)
	})
}

// Allocating for as many pages as a corrupt meta page has would exhaust the memory.
func TestMetaWithTooManyPagesIsDamage(t *testing.T) {
	e := newEditor(t)
	e.metas(40, 8, 1<<30)
	require.NoError(t, os.WriteFile(e.path, e.b, 0o600))
	s := Open(e.path)
	nothing := func(backend.ReadTx) error { return nil }
	require.ErrorIs(t, s.View(ctx, nothing), backend.ErrDamaged)
	err := s.Update(ctx, func(tx backend.Tx) error { return nothing(tx) })
	require.ErrorIs(t, err, backend.ErrDamaged)
	require.ErrorContains(t, err, "file is truncated: it has ")
}
