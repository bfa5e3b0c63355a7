package bolt

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

func endedLease(l backend.Lease) backend.Ended {
	l.Boot, l.Netns = "", ""
	return backend.Ended{Lease: l, Until: l.Since.Add(time.Minute), Cause: backend.EndedByDEL}
}

// podLease returns a lease of a Kubernetes pod, of the nth address in any order.
func podLease(n int) backend.Lease {
	l := full
	l.Addr = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	l.Owner.ContainerID = fmt.Sprintf("%056x%08x", uint64(n)*2654435761, n)
	l.Pod.Name = fmt.Sprintf("coredns-%010x-x%04x", n, n)
	l.Since = l.Since.Add(time.Duration(n) * time.Second)
	return l
}

func endPods(t testing.TB, s *Store, from, to int, of func(n int) backend.Lease) {
	t.Helper()
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		for n := from; n < to; n++ {
			if err := tx.(backend.HistoryTx).Record(endedLease(of(n))); err != nil {
				return err
			}
		}
		return nil
	}))
}

func indexPods(t testing.TB, s *Store) {
	t.Helper()
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.(backend.HistoryTx).IndexPods() }))
}

func sizeOf(t testing.TB, s *Store) int {
	t.Helper()
	info, err := os.Stat(s.path)
	require.NoError(t, err)
	return int(info.Size())
}

// The file grows by at most 120 bytes for an ended lease of a pod, whatever its address was.
func TestEndedLeasesTakeLittleSpace(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 80,000 ended leases")
	}
	const ends = 20_000
	const few = 2000 // The room that is kept free is there from the beginning.
	const step = 20  // in a transaction, because one for each would take minutes
	for name, addr := range map[string]func(n int) netip.Addr{
		"IPv4, each address once":        func(n int) netip.Addr { return podLease(n).Addr },
		"IPv4, in no order":              func(n int) netip.Addr { return podLease(n * 7919 % ends).Addr },
		"IPv4, the same 250 in no order": func(n int) netip.Addr { return podLease(n * 7919 % 250).Addr },
		"IPv6, each address once": func(n int) netip.Addr {
			a := podLease(n).Addr.As4()
			return netip.AddrFrom16([16]byte{0: 0xfd, 12: a[0], 13: a[1], 14: a[2], 15: a[3]})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(filepath.Join(t.TempDir(), "net"))
			before := 0
			for n := 0; n < few+ends; n += step {
				if n == few {
					before = sizeOf(t, s)
				}
				endPods(t, s, n, n+step, func(n int) backend.Lease {
					l := podLease(n)
					l.Addr = addr(n)
					return l
				})
			}
			each := float64(sizeOf(t, s)-before) / ends
			t.Logf("%.1f bytes", each)
			require.Less(t, each, 120.0)
			require.NoError(t, s.Verify(ctx))
		})
	}
}

func TestVerifyFindsFaultsOfTheHistory(t *testing.T) {
	edit := func(name []byte, change func(b *bbolt.Bucket) error) func(*bbolt.Tx) error {
		return func(b *bbolt.Tx) error { return change(b.Bucket(name)) }
	}
	key := format.LatestKey(podLease(3).Addr)
	for want, change := range map[string]func(*bbolt.Tx) error{
		"latest lacks 10.0.0.3, which the history has at 4": edit(format.LatestBucket, func(b *bbolt.Bucket) error {
			with, err := format.Latest(b.Get(key)).With(podLease(3).Addr, 0)
			require.NoError(t, err)
			return b.Put(key, with)
		}),
		"latest has 2 for 10.0.0.3, and the history 4": edit(format.LatestBucket, func(b *bbolt.Bucket) error {
			with, err := format.Latest(b.Get(key)).With(podLease(3).Addr, 2)
			require.NoError(t, err)
			return b.Put(key, with)
		}),
		"latest from 10.0.0.0: malformed entry": edit(format.LatestBucket, func(b *bbolt.Bucket) error { return b.Put(key, []byte{0x80}) }),
		"history from number 1: wrong checksum": edit(format.HistoryBucket, func(b *bbolt.Bucket) error {
			v := slices.Clone(b.Get(format.PackKey(1)))
			v[20] ^= 1
			return b.Put(format.PackKey(1), v)
		}),
		"history has number 1000 after": edit(format.HistoryBucket, func(b *bbolt.Bucket) error {
			p := format.Pack{First: 1000, List: []format.Past{format.NewPast(endedLease(podLease(500)), 0)}}
			return b.Put(p.Key(), p.Encode())
		}),
		"pods has number 5 at ": edit(format.PodsBucket, func(b *bbolt.Bucket) error {
			return b.Put(format.PodKey(podLease(3).Pod), format.PodNumbers{5}.Encode())
		}),
		"pods has number 101 at ": edit(format.PodsBucket, func(b *bbolt.Bucket) error {
			return b.Put(format.PodKey(podLease(3).Pod), format.PodNumbers{101, 4}.Encode())
		}),
		"meta has malformed counts ": edit(format.MetaBucket, func(b *bbolt.Bucket) error { return b.Put(format.CountsKey, []byte{1}) }),
		"pods: malformed entry ": edit(format.PodsBucket, func(b *bbolt.Bucket) error {
			return b.Put(format.PodKey(podLease(3).Pod), format.PodNumbers{4, 4}.Encode())
		}),
		"names 77 as the one before it of 10.0.0.3, which is 4": edit(format.HistoryBucket, func(b *bbolt.Bucket) error {
			c := b.Cursor()
			c.Seek(format.FirstKey)
			k, v := c.Prev()
			p, err := format.DecodePack(k, v)
			require.NoError(t, err)
			p = p.With(format.NewPast(endedLease(podLease(3)), 77))
			return b.Put(p.Key(), p.Encode())
		}),
	} {
		t.Run(want, func(t *testing.T) {
			s := Open(filepath.Join(t.TempDir(), "net"))
			indexPods(t, s)
			endPods(t, s, 0, 100, podLease)
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

// What is left of the history can be put into another store.
func TestSalvageReadsTheHistory(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, false)
	require.Equal(t, o.history, o.mustSalvage(t, o.image).History)

	for n := range o.pages {
		if o.buckets[n] != "history" || o.kinds[n] != "leaf" {
			continue
		}
		b := slices.Clone(o.image)
		clear(b[n*o.pageSize:][:o.pageSize])
		found := o.mustSalvage(t, b)
		require.NotEmpty(t, found.Lost)
		require.Len(t, found.Leases, len(o.leases))
		require.Less(t, len(found.History), len(o.history))
		require.Subset(t, o.history, found.History)
	}
}

// A store that is made of another has its history.
func TestCreateKeepsTheHistory(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, false)
	path := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, Open(o.path).View(ctx, func(tx backend.ReadTx) error {
		c, err := backend.ContentOf(tx)
		require.NoError(t, err)
		c.Policy = "keep much"
		return Create(path, c)
	}))
	require.NoError(t, Open(path).Verify(ctx))
	require.NoError(t, Open(path).View(ctx, func(tx backend.ReadTx) error {
		var got []backend.Ended
		for e, err := range tx.(backend.HistoryReadTx).History() {
			require.NoError(t, err)
			got = append(got, e)
		}
		require.Equal(t, o.history, got)
		text, err := tx.(backend.HistoryReadTx).Policy()
		require.Equal(t, "keep much", text)
		return err
	}))
}
