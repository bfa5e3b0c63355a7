package files

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func TestBootOfLease(t *testing.T) {
	soon, long := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, tc := range []struct {
		name   string
		marker string
		option Option
		want   string
	}{
		{"not known", "first", func(*Store) {}, ""},
		{"known without its beginning", "first", WithBoot("second", time.Time{}), ""},
		{"known without its name", "first", WithBoot("", soon), ""},
		{"later than the lease", "first", WithBoot("second", soon), "first"},
		{"that of the marker", "second", WithBoot("second", soon), ""},
		{"the first that is known", "", WithBoot("second", soon), ""},
		{"earlier than the lease", "first", WithBoot("second", long), ""},
	} {
		t.Run("present boot "+tc.name, func(t *testing.T) {
			b := newBed(t)
			b.update(func(tx backend.Tx) error {
				require.NoError(t, tx.SetBoot(tc.marker))
				return tx.Put(lease("10.0.0.1", "id"))
			})
			require.NoError(t, b.open(tc.option).View(t.Context(), func(tx backend.ReadTx) error {
				l, err := tx.Lease(ip("10.0.0.1"))
				require.Equal(t, tc.want, l.Boot)
				return err
			}))
		})
	}
}

// TestEarlyMarker: a marker that an earlier version has written counts, and is written anew
// where GC of the stock plugin leaves it alone.
func TestEarlyMarker(t *testing.T) {
	for _, next := range []string{"first", "second", ""} {
		b := newBed(t)
		b.stock(earlyBootName, "boot first\n")
		b.stock("10.0.0.1", "id\r\neth0")
		require.Equal(t, holding{"10.0.0.1": "id (eth0)", "boot": "first"}, b.holding())
		require.NoError(t, b.open().Verify(t.Context()))
		b.update(func(tx backend.Tx) error { return tx.SetBoot(next) })
		require.NoFileExists(t, b.file(earlyBootName))
		want := holding{"10.0.0.1": "id (eth0)", "boot": next}
		if next == "" {
			delete(want, "boot")
		}
		require.Equal(t, want, b.holding())
		b.update(put(lease("10.0.0.2", "id")))
		require.NoFileExists(t, b.file(earlyBootName))
	}
	b := newBed(t)
	b.stock(bootName, "rubbish")
	b.stock(earlyBootName, "boot first\n")
	require.Equal(t, holding{"boot": "first"}, b.holding())
	b.update(func(tx backend.Tx) error { return tx.SetBoot("first") })
	require.Equal(t, []string{bootName, lockName}, b.names())
}

// TestBootOfCopiedLease: a lease that is older than the present boot, and was
// copied to this store during it, is not known to be of an earlier boot.
func TestBootOfCopiedLease(t *testing.T) {
	b := newBed(t)
	l := lease("10.0.0.1", "id")
	l.Since = time.Now().Add(-24 * time.Hour)
	b.update(func(tx backend.Tx) error {
		require.NoError(t, tx.SetBoot("first"))
		return tx.Put(l)
	})
	started := time.Now().Add(-time.Hour)
	require.NoError(t, b.open(WithBoot("second", started)).View(t.Context(), func(tx backend.ReadTx) error {
		l, err := tx.Lease(ip("10.0.0.1"))
		require.Empty(t, l.Boot)
		return err
	}))
}

// TestBootIsSet: once the marker names the present boot, and be it in the same
// transaction, no lease is of an earlier one.
func TestBootIsSet(t *testing.T) {
	b := newBed(t)
	prepared(b)
	s := b.open(WithBoot("second", time.Now().Add(time.Hour)))
	require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error {
		l, err := tx.Lease(ip("10.0.0.1"))
		require.NoError(t, err)
		require.Equal(t, "first", l.Boot)
		require.NoError(t, tx.SetBoot("second"))
		l, err = tx.Lease(ip("10.0.0.1"))
		require.Empty(t, l.Boot)
		return err
	}))
}

func TestMarkerThatIsNone(t *testing.T) {
	for _, content := range []string{"", "boot", "boot first", "first\n", "\x00\x00\x00"} {
		b := newBed(t)
		b.stock(bootName, content)
		require.Empty(t, b.holding(), content)
		b.update(func(tx backend.Tx) error { return tx.SetBoot("first") })
		require.Equal(t, holding{"boot": "first"}, b.holding())
		b.update(func(tx backend.Tx) error { return tx.SetBoot("") })
		require.NoFileExists(t, b.file(bootName))
	}
}

// TestTime: a lease keeps its time.
func TestTime(t *testing.T) {
	b := newBed(t)
	l := lease("10.0.0.9", "id")
	l.Since = time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)
	b.update(put(l))
	info, err := os.Stat(b.file("10.0.0.9"))
	require.NoError(t, err)
	require.True(t, l.Since.Equal(info.ModTime()))
	b.view(func(tx backend.ReadTx) error {
		got, err := tx.Lease(l.Addr)
		require.Equal(t, l, got)
		return err
	})
}

// TestKillKeepsTheBootOfLeases kills a transaction that deletes leases of an earlier boot. It
// has done so, or they are known to be of that boot as before: had they been renamed and
// restored, the file system would say that they are of now, and they would be kept for ever.
func TestKillKeepsTheBootOfLeases(t *testing.T) {
	release := func(tx backend.Tx) error {
		return errors.Join(
			remove("10.0.0.1", "10.0.0.2", "fd00::1")(tx),
			put(lease("10.0.0.2", "new"), lease("fd00::2", "new"))(tx), tx.SetBoot("second"),
		)
	}
	for n := 1; ; n++ {
		b := newBed(t)
		prepared(b)
		present := WithBoot("second", time.Now())
		if !b.updateKilled(n, release) {
			require.Greater(t, n, 20)
			return
		}
		for r := 1; b.updateKilled(r, nothing); r++ {
		}
		require.NoError(t, b.open(present).View(t.Context(), func(tx backend.ReadTx) error {
			for l, err := range tx.Leases(netip.Addr{}) {
				require.NoError(t, err)
				if l.Owner.ContainerID != "new" {
					require.Equal(t, "first", l.Boot, "%s, killed at %d", l.Addr, n)
				}
			}
			return nil
		}))
	}
}
