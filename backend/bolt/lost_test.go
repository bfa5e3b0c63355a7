package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// newRemembering returns the file of a store that remembers much: of each bucket of the history there
// are several pages.
func newRemembering(t *testing.T) *original {
	t.Helper()
	o := newOriginal(t, newRand(t), 300, true)
	s := Open(o.path)
	indexPods(t, s)
	endPods(t, s, 0, 700, podLease)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		for n := range 700 {
			if err := tx.(backend.CoolingTx).Cool(netip.AddrFrom4([4]byte{12, 0, byte(n >> 7), byte(n<<1) & 255}), time.Unix(int64(n), 0)); err != nil {
				return err
			}
		}
		return renewFirst(tx) // Each transaction of the allocator changes leases.
	}))
	(&maker{original: o, t: t, store: s}).finish()
	return o
}

// renewFirst writes the first lease again.
func renewFirst(tx backend.Tx) error {
	for l, err := range tx.Leases(netip.Addr{}) {
		if err != nil {
			return err
		}
		return errors.Join(tx.Delete(l.Addr), tx.Put(l))
	}
	return backend.ErrNotFound
}

// endLease ends a lease as the allocator does, which drops the damage of what is remembered.
func endLease(tx backend.Tx, l backend.Lease) (lost error) {
	keep := func(err error) {
		if err != nil && lost == nil {
			lost = err
		}
	}
	if err := tx.Delete(l.Addr); err != nil {
		return err
	}
	h := tx.(backend.HistoryTx)
	_, err := h.Policy()
	keep(err)
	keep(tx.(backend.CoolingTx).Cool(l.Addr, time.Now()))
	keep(h.Record(endedLease(l)))
	_, err = h.HistoryLen()
	keep(err)
	keep(h.DropOldest(4))
	return lost
}

// A lease ends whatever page of what is remembered is damaged, and verify still finds the damage.
func TestLeaseEndsThoughTheHistoryIsDamaged(t *testing.T) {
	o := newRemembering(t)
	random := newRand(t)
	changes := map[string]func(p []byte){
		"zeroed":           func(p []byte) { clear(p) },
		"another number":   func(p []byte) { p[0] ^= 1 },
		"garbage":          func(p []byte) { garbage(random, p) },
		"its values wrong": func(p []byte) { clear(p[len(p)/2:]) },
	}
	noticed := map[string]int{}
	share := 1
	if testing.Short() {
		share = len(changes)
	}
	for id := range o.pages {
		bucket := o.buckets[id]
		if !slices.Contains([]string{"history", "latest", "pods", "cooling", "queue"}, bucket) {
			continue
		}
		for what, change := range changes {
			if random.IntN(share) > 0 {
				continue
			}
			b := slices.Clone(o.image)
			change(b[id*o.pageSize:][:o.pageSize])
			require.NoError(t, os.WriteFile(o.path, b, 0o600))
			s, what := Open(o.path), fmt.Sprintf("page %d of %s, %s", id, bucket, what)
			damage := s.Verify(ctx)
			left, lost := len(o.leases), false
			for a, l := range o.leases {
				if a.Is6() || left == len(o.leases)-3 {
					continue
				}
				left--
				require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
					if err := endLease(tx, l); err != nil {
						require.ErrorIs(t, err, backend.ErrDamaged, what)
						noticed[bucket]++
						lost = true
					}
					return nil
				}), what)
			}
			require.NoError(t, s.View(ctx, func(tx backend.ReadTx) error {
				n := 0
				for _, err := range tx.Leases(netip.Addr{}) {
					n++
					require.NoError(t, err)
				}
				require.Equal(t, left, n, what)
				counts, err := tx.(backend.HistoryReadTx).Counts()
				require.Equal(t, lost, !counts.Gap.IsZero(), what)
				return err
			}))
			if errors.Is(damage, backend.ErrDamaged) { // unless the last half of a page was empty
				require.ErrorIs(t, s.Verify(ctx), backend.ErrDamaged, what)
			}
		}
	}
	t.Log("noticed:", noticed)
	require.NotEmpty(t, noticed)
	if share == 1 {
		require.Len(t, noticed, 5, "buckets")
	}
}

// A lease ends though a branch of the history leads to its page, and was read before it.
func TestHistoryThatLeadsToLeases(t *testing.T) {
	o := newRemembering(t)
	in := map[int]backend.Lease{} // one lease of each page
	for a, l := range o.leases {
		in[o.live[a].from/o.pageSize] = l
	}
	pages := slices.Sorted(maps.Keys(in))
	require.Greater(t, len(pages), 1)
	lost := 0
	for i, id := range pages {
		damaged := damagedIn(t, o, "history", "branch", func(p []byte) {
			for i := range int(page.ParseHeader(p).Count) {
				binary.NativeEndian.PutUint64(p[page.HeaderLen+i*page.ElementLen+8:], uint64(id))
			}
		})
		require.NoError(t, os.WriteFile(o.path, damaged, 0o600))
		require.NoError(t, Open(o.path).Update(ctx, func(tx backend.Tx) error {
			for _, l := range []backend.Lease{in[pages[(i+1)%len(pages)]], in[id]} {
				if err := endLease(tx, l); err != nil {
					require.ErrorIs(t, err, backend.ErrDamaged)
					lost++
				}
			}
			return nil
		}), "page %d", id)
		require.ErrorIs(t, Open(o.path).Verify(ctx), backend.ErrDamaged)
	}
	require.Positive(t, lost)
}

var errFailed = errors.New("failed")

// An Update that shares the transaction with one that finds the damage is committed as well.
func TestUpdatesBesideOneThatFindsTheHistoryDamaged(t *testing.T) {
	o := newRemembering(t)
	b := slices.Clone(o.image)
	for id := range o.pages {
		if o.buckets[id] == "latest" {
			clear(b[id*o.pageSize:][:o.pageSize])
		}
	}
	require.NoError(t, os.WriteFile(o.path, b, 0o600))
	s := Open(o.path)
	fns := []func(backend.Tx) error{put("13.0.0.1", "one"), put("13.0.0.2", "two")}
	var ended []netip.Addr
	for a, l := range o.leases {
		if len(ended) == 5 {
			break
		}
		ended = append(ended, a)
		fns = append(fns, func(tx backend.Tx) error {
			assert.ErrorIs(t, endLease(tx, l), backend.ErrDamaged)
			return nil
		})
	}
	fns = append(fns, func(tx backend.Tx) error {
		assert.NoError(t, put("13.0.0.3", "undone")(tx))
		return errFailed
	}, put("13.0.0.4", "four"))
	errs := together(t, s, fns...)
	for i, err := range errs {
		if i == len(fns)-2 {
			require.ErrorIs(t, err, errFailed)
			continue
		}
		require.NoError(t, err)
	}
	require.NoError(t, s.View(ctx, func(tx backend.ReadTx) error {
		for _, a := range append(ended, addr("13.0.0.3")) {
			_, err := tx.Lease(a)
			require.ErrorIs(t, err, backend.ErrNotFound)
		}
		for _, text := range []string{"13.0.0.1", "13.0.0.2", "13.0.0.4"} {
			_, err := tx.Lease(addr(text))
			require.NoError(t, err)
		}
		return nil
	}))
}
