package storekit_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/backend/storekit"
)

// ViewEmpty must give the same answers as a store that is empty.
func TestViewEmptyAnswersLikeAnEmptyStore(t *testing.T) {
	answers := func(tx backend.ReadTx) (all []any) {
		add := func(v any, err error) { all = append(all, v, reason(err)) }
		for _, addr := range []netip.Addr{{}, ip("10.0.0.1"), ip("fd00::1"), ip("fe80::1%eth0")} {
			l, err := tx.Lease(addr)
			add(l, err)
			free, err := tx.NextFree(ip("10.0.0.1"), addr)
			add(free, err)
			for l, err := range tx.Leases(addr) {
				add(l, err)
			}
		}
		free, err := tx.NextFree(ip("10.0.0.2"), ip("10.0.0.1"))
		add(free, err)
		owned, err := tx.OwnedBy(backend.Owner{ContainerID: "c"})
		add(len(owned), err)
		for _, set := range []string{"0", "a/b"} {
			cursor, err := tx.Cursor(set)
			add(cursor, err)
		}
		cursors, err := tx.Cursors()
		add(len(cursors), err)
		boot, err := tx.LastSearch()
		add(boot, err)
		return all
	}

	var fromEmpty, fromStore backend.ReadTx
	require.NoError(t, storekit.ViewEmpty(func(tx backend.ReadTx) error { fromEmpty = tx; return nil }))
	require.NoError(t, memory.New().View(t.Context(), func(tx backend.ReadTx) error { fromStore = tx; return nil }))
	require.Equal(t, answers(fromStore), answers(fromEmpty), "after fn has returned")

	require.NoError(t, memory.New().View(t.Context(), func(store backend.ReadTx) error {
		return storekit.ViewEmpty(func(empty backend.ReadTx) error {
			require.Equal(t, answers(store), answers(empty))
			return nil
		})
	}))
}

// reason returns the sentinel that err wraps.
func reason(err error) error {
	for _, sentinel := range []error{backend.ErrInvalid, backend.ErrNotFound, backend.ErrNoneFree} {
		if errors.Is(err, sentinel) {
			return sentinel
		}
	}
	return err
}

func TestViewEmptyReturnsErrorOfFn(t *testing.T) {
	want := errors.New("unchanged")
	require.Same(t, want, storekit.ViewEmpty(func(backend.ReadTx) error { return want }))
}
