package files

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// requireConsistent requires that Leases and Lease agree.
func requireConsistent(b testDir, tx backend.ReadTx, want int) {
	b.Helper()
	got := 0
	var last netip.Addr
	for l, err := range tx.Leases(netip.Addr{}) {
		require.NoError(b, err)
		require.True(b, last.Less(l.Addr))
		last = l.Addr
		one, err := tx.Lease(l.Addr)
		require.NoError(b, err)
		require.Equal(b, one, l)
		got++
	}
	require.Equal(b, want, got)
}

// TestLeasesReadAhead reads every kind of file beyond the first chunk.
func TestLeasesReadAhead(t *testing.T) {
	b := newTestDir(t)
	const n = 3000
	b.create(backend.Content{Leases: consecutive(n)})
	b.stock("10.9.0.1", "")
	b.stock("10.9.0.2", " old \n")
	b.stock("FD00::A", "capital\r\neth0")
	b.stock("::ffff:10.9.0.3", "mapped\r\neth0")
	require.NoError(t, os.Mkdir(b.file("10.9.0.4"), 0o755))
	require.NoError(t, os.WriteFile(b.file("10.9.0.5"), make([]byte, maxContent+1), 0o600))
	b.view(func(tx backend.ReadTx) error { requireConsistent(b, tx, n+6); return nil })

	b.update(func(tx backend.Tx) error {
		require.NoError(t, remove("10.0.8.1", "10.9.0.1")(tx))
		requireConsistent(b, tx, n+4)
		require.NoError(t, put(lease("10.9.0.9", "new"), lease("10.0.8.1", "new"))(tx))
		requireConsistent(b, tx, n+6)
		return nil
	})
	b.view(func(tx backend.ReadTx) error { requireConsistent(b, tx, n+6); return nil })
}

// TestLeasesAfterInterruptedTransaction: a View shows the directory as recovery will leave it.
func TestLeasesAfterInterruptedTransaction(t *testing.T) {
	for _, tc := range []struct {
		left     int
		op, name string
		n        int
		fn       func(backend.Tx) error
	}{
		{1, "remove", journalName, 1, remove("10.0.0.1", "fd00::1")},
		{3, "remove", journalName, 1, put(lease("10.0.0.3", "new"), lease("fd00::3", "new"))},
		{3, "rename", journalName, 2, transactions()[2].fn},
		{3, "rename", "10.0.0.1", 1, transactions()[2].fn},
		{3, "remove", "10.0.0.2", 1, transactions()[2].fn},
	} {
		b := newTestDir(t)
		b.interruptedAt(tc.op, tc.name, tc.n, tc.fn)
		const n = 3 * chunkLen
		for i := range n {
			b.stock(fmt.Sprintf("10.1.%d.%d", i/256, i%256), "id")
		}
		b.view(func(tx backend.ReadTx) error { requireConsistent(b, tx, n+tc.left); return nil })
	}
}

// TestLeasesStopped stops an iteration at every stage: reading ahead must end before the
// directory is closed.
func TestLeasesStopped(t *testing.T) {
	b := newTestDir(t)
	const n = 12 * chunkLen
	b.create(backend.Content{Leases: consecutive(n)})
	step := chunkLen / 2
	if testing.Short() {
		step *= 3
	}
	for stop := 1; stop < n; stop += step {
		b.view(func(tx backend.ReadTx) error {
			seen := 0
			for _, err := range tx.Leases(netip.Addr{}) {
				require.NoError(t, err)
				if seen++; seen == stop {
					break
				}
			}
			require.Equal(t, stop, seen)
			return nil
		})
		require.PanicsWithValue(t, "boom", func() {
			seen := 0
			err := b.open().View(t.Context(), func(tx backend.ReadTx) error {
				for range tx.Leases(netip.Addr{}) {
					if seen++; seen == stop {
						panic("boom")
					}
				}
				return nil
			})
			t.Fatal("View has returned", err)
		})
	}
}

// TestLeasesSkipRemovedFiles removes a file without the lock during an iteration.
func TestLeasesSkipRemovedFiles(t *testing.T) {
	b := newTestDir(t)
	const n = 12 * chunkLen
	b.create(backend.Content{Leases: consecutive(n)})
	b.view(func(tx backend.ReadTx) error {
		seen := 0
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			if seen == 0 {
				require.NoError(t, os.Remove(b.file("10.0.12.0")))
			}
			require.NotEqual(t, "10.0.12.0", l.Addr.String())
			seen++
		}
		require.Equal(t, n-1, seen)
		return nil
	})
}
