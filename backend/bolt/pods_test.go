package bolt

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
)

// historyOfPod returns the addresses of the history of a pod.
func historyOfPod(t testing.TB, s *Store, pod backend.Pod) (addrs []string) {
	t.Helper()
	require.NoError(t, s.View(ctx, func(tx backend.ReadTx) error {
		for e, err := range tx.(backend.HistoryReadTx).HistoryOfPod(pod) {
			require.NoError(t, err)
			addrs = append(addrs, e.Addr.String())
		}
		return nil
	}))
	return addrs
}

// usedBy returns the bytes of the pages that are or were in use, without the room kept free.
func usedBy(t testing.TB, s *Store) (n int) {
	t.Helper()
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, db.View(func(b *bbolt.Tx) error {
		n = int(b.Size())
		return nil
	}))
	require.NoError(t, db.Close())
	return n
}

// The index is made of what was recorded last, in a time that no container notices.
func TestIndexPodsReadsWhatWasRecordedLast(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 12,000 ended leases")
	}
	const ends = backend.IndexedBefore + 2000
	s := Open(filepath.Join(t.TempDir(), "net"))
	for n := 0; n < ends; n += 1000 {
		endPods(t, s, n, n+1000, podLease)
	}
	before, began := usedBy(t, s), time.Now()
	indexPods(t, s)
	t.Logf("%d ended leases: %v, %d bytes", backend.IndexedBefore, time.Since(began), usedBy(t, s)-before)
	require.Empty(t, historyOfPod(t, s, podLease(1999).Pod))
	for _, n := range []int{2000, ends - 1} {
		require.Equal(t, []string{podLease(n).Addr.String()}, historyOfPod(t, s, podLease(n).Pod))
	}
	require.NoError(t, s.Verify(ctx))
}

// With pods indexed, an ended lease of a pod with a new name takes 40 bytes more.
func TestIndexedPodsTakeLittleSpace(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 44,000 ended leases")
	}
	const few, ends, step = 2000, 20_000, 20
	for name, pods := range map[string]int{"each pod once": few + ends, "250 pods": 250} {
		t.Run(name, func(t *testing.T) {
			s := Open(filepath.Join(t.TempDir(), "net"))
			indexPods(t, s)
			before := 0
			for n := 0; n < few+ends; n += step {
				if n == few {
					before = usedBy(t, s)
				}
				endPods(t, s, n, n+step, func(n int) backend.Lease {
					l := podLease(n)
					l.Addr, l.Pod = podLease(n%pods).Addr, podLease(n%pods).Pod
					return l
				})
			}
			each := float64(usedBy(t, s)-before) / ends
			t.Logf("%.1f bytes", each)
			most := 120.0
			if pods > ends {
				most = 155
			}
			require.Less(t, each, most)
			require.NoError(t, s.Verify(ctx))
		})
	}
}
