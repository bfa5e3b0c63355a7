package bolt

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

// coolingStore returns a store in which every other of n addresses is leased, and the others cool.
func coolingStore(t testing.TB, n int) *Store {
	t.Helper()
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		for i := range n {
			l := podLease(i)
			if i%2 == 0 {
				require.NoError(t, tx.Put(l))
			} else {
				require.NoError(t, tx.(backend.CoolingTx).Cool(l.Addr, l.Since))
			}
		}
		return nil
	}))
	return s
}

func coolingOf(t testing.TB, s *Store) (all []backend.Cooling) {
	t.Helper()
	require.NoError(t, s.View(ctx, func(tx backend.ReadTx) error {
		for c, err := range tx.(backend.CoolingReadTx).CoolingFrom(netip.Addr{}) {
			require.NoError(t, err)
			all = append(all, c)
		}
		return nil
	}))
	return all
}

func TestVerifyFindsFaultsOfCooling(t *testing.T) {
	held, cooling := podLease(4).Addr, podLease(3).Addr
	value := format.CoolingTime(podLease(3).Since)
	for want, change := range map[string]func(*bbolt.Tx) error{
		"queue has 49 addresses, and 50 are cooling": func(b *bbolt.Tx) error {
			return b.Bucket(format.QueueBucket).Delete(format.QueueKey(value, cooling))
		},
		"queue has 10.0.0.3, which is not cooling since": func(b *bbolt.Tx) error {
			return b.Bucket(format.CoolingBucket).Put(format.AddrKey(cooling), format.CoolingTime(time.Unix(1, 0)))
		},
		"10.0.0.4 is cooling, and leased": func(b *bbolt.Tx) error {
			return b.Bucket(format.CoolingBucket).Put(format.AddrKey(held), value)
		},
		"time of the cooling address 10.0.0.3 is 2 bytes, want 8": func(b *bbolt.Tx) error {
			return b.Bucket(format.CoolingBucket).Put(format.AddrKey(cooling), []byte{1, 2})
		},
		"runs index has 10.0.0.0 to 10.0.0.99, which is not a run of leases": func(b *bbolt.Tx) error {
			return b.Bucket(format.CoolingBucket).Delete(format.AddrKey(cooling))
		},
		"queue has malformed key": func(b *bbolt.Tx) error { return b.Bucket(format.QueueBucket).Put([]byte{1}, nil) },
	} {
		t.Run(want, func(t *testing.T) {
			s := coolingStore(t, 100)
			require.NoError(t, s.Verify(ctx))
			db, err := bbolt.Open(s.path, 0o600, nil)
			require.NoError(t, err)
			require.NoError(t, db.Update(change))
			require.NoError(t, db.Close())
			removeSeals(t, s.path)
			err = s.Verify(ctx)
			require.ErrorIs(t, err, backend.ErrDamaged)
			require.ErrorContains(t, err, want)
		})
	}
}

// A salvaged store, and one that is made of another, have the cooling addresses. If those are lost,
// nothing is leased that may be warm, nor taken for a lease that is lost.
func TestSalvageAndCreateKeepCooling(t *testing.T) {
	s := coolingStore(t, 1000)
	want := coolingOf(t, s)
	require.Len(t, want, 500)
	require.NoError(t, s.Salvage(ctx, func(found Salvage) error {
		require.Equal(t, want, found.Cooling)
		require.Len(t, found.Leases, 500)
		require.Empty(t, found.Missing)
		require.Empty(t, found.Lost)
		require.False(t, found.Unsure)
		return nil
	}))
	path := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, s.View(ctx, func(tx backend.ReadTx) error {
		c, err := backend.ContentOf(tx)
		require.NoError(t, err)
		return Create(path, c)
	}))
	require.NoError(t, Open(path).Verify(ctx))
	require.Equal(t, want, coolingOf(t, Open(path)))
}

// The leases are lost, and the indices still tell them from what cools.
func TestSalvageWithoutLeasesKnowsWhatCools(t *testing.T) {
	s := coolingStore(t, 400)
	content := read(t, s.path)
	o := &original{path: s.path}
	m := &maker{original: o, t: t, store: s, rnd: newRand(t)}
	m.leases = make(map[netip.Addr]backend.Lease)
	for i := 0; i < 400; i += 2 {
		m.leases[podLease(i).Addr] = podLease(i)
	}
	m.live = make(map[netip.Addr]stretch)
	m.finish()
	damaged := slices.Clone(content)
	require.NotZero(t, o.clearPages(damaged, func(id int) bool { return o.buckets[id] == "leases" && o.kinds[id] == "leaf" }))
	write(t, s.path, damaged)
	require.NoError(t, s.Salvage(ctx, func(found Salvage) error {
		missing := 0
		for _, r := range found.Missing {
			require.Equal(t, r[0], r[1], "what cools between them is not missing")
			missing++
		}
		require.Equal(t, 200, missing+len(found.Leases))
		require.Len(t, found.Cooling, 200)
		require.False(t, found.Unsure)
		return nil
	}))
}

// However many are cooling, and however they lie between leases, the next free address is one
// look-up: it reads no more pages than the runs have levels.
func TestNextFreeDoesNotWalkOverCooling(t *testing.T) {
	s := coolingStore(t, 20_000)
	require.NoError(t, s.View(ctx, func(b backend.ReadTx) error {
		free, err := b.NextFree(podLease(0).Addr, netip.MustParseAddr("10.255.255.255"))
		require.Equal(t, podLease(20_000).Addr, free)
		runs := 0
		require.NoError(t, b.(*tx).runs.ForEach(func(_, _ []byte) error { runs++; return nil }))
		require.Equal(t, 1, runs, fmt.Sprint("of ", 20_000, " addresses"))
		return err
	}))
}
