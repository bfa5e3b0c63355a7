package files

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func TestBootOfLease(t *testing.T) {
	soon, long := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, tc := range []struct {
		name   string
		option Option
		since  time.Time
		want   string
	}{
		{"not known", func(*Store) {}, time.Now(), ""},
		{"known without its beginning", WithBoot("present", time.Time{}), time.Now(), ""},
		{"known without its name", WithBoot("", long), time.Now(), ""},
		{"later than the lease", WithBoot("present", soon), time.Now(), ""},
		{"earlier than the lease", WithBoot("present", long), time.Now(), "present"},
		{"later than a lease that was copied in it", WithBoot("present", long), long.Add(-time.Hour), ""},
		{"earlier than a lease dated after it", WithBoot("present", soon), soon.Add(time.Hour), "present"},
	} {
		t.Run("present boot "+tc.name, func(t *testing.T) {
			b := newTestDir(t)
			l := lease("10.0.0.1", "id")
			l.Since = tc.since
			b.update(put(l))
			require.NoError(t, b.open(tc.option).View(t.Context(), func(tx backend.ReadTx) error {
				l, err := tx.Lease(ip("10.0.0.1"))
				require.Equal(t, tc.want, l.Boot)
				return err
			}))
		})
	}
}

// TestEarlyMarker: a marker of an earlier version counts, and is rewritten under the present
// name, which the stock plugin's GC does not remove.
func TestEarlyMarker(t *testing.T) {
	for _, next := range []string{"first", "second", ""} {
		b := newTestDir(t)
		b.stock(earlyBootName, "boot first\n")
		b.stock("10.0.0.1", "id\r\neth0")
		require.Equal(t, snapshot{"10.0.0.1": "id (eth0)", "boot": "first"}, b.snapshot())
		require.NoError(t, b.open().Verify(t.Context()))
		b.update(func(tx backend.Tx) error { return tx.SetLastSearch(next) })
		require.NoFileExists(t, b.file(earlyBootName))
		want := snapshot{"10.0.0.1": "id (eth0)", "boot": next}
		if next == "" {
			delete(want, "boot")
		}
		require.Equal(t, want, b.snapshot())
		b.update(put(lease("10.0.0.2", "id")))
		require.NoFileExists(t, b.file(earlyBootName))
	}
	b := newTestDir(t)
	b.stock(bootName, "rubbish")
	b.stock(earlyBootName, "boot first\n")
	require.Equal(t, snapshot{"boot": "first"}, b.snapshot())
	b.update(func(tx backend.Tx) error { return tx.SetLastSearch("first") })
	require.Equal(t, []string{bootName, lockName}, b.names())
}

// A store that is brought back from a copy while its containers run has leases of old times
// and the marker of an earlier boot.
func TestBootOfCopiedLease(t *testing.T) {
	b := newTestDir(t)
	l := lease("10.0.0.1", "id")
	l.Since = time.Now().Add(-2 * time.Hour)
	b.update(put(l))
	b.update(func(tx backend.Tx) error { return tx.SetLastSearch("earlier") })
	require.NoError(t, b.open(WithBoot("present", time.Now().Add(-time.Hour))).View(t.Context(), func(tx backend.ReadTx) error {
		l, err := tx.Lease(ip("10.0.0.1"))
		require.Equal(t, "present", l.Boot)
		return err
	}))
}

// A lease that is put into a store after its boot has ended is of that boot; a lease of the
// present boot with as early a time is not.
func TestBootOfLeasePutAfterItsBoot(t *testing.T) {
	present := WithBoot("present", time.Now().Add(-time.Hour))
	of := func(boot string) backend.Lease {
		l := lease("10.0.0.1", "id")
		l.Since, l.Boot = time.Now().Add(-2*time.Hour), boot
		return l
	}
	for made, want := range map[string]string{"earlier": "", "present": "present", "": "present"} {
		requireBoot := func(tx backend.ReadTx) error {
			l, err := tx.Lease(ip("10.0.0.1"))
			require.Equal(t, want, l.Boot, "made in %q", made)
			return err
		}
		b := newTestDir(t)
		require.NoError(t, b.open(present).Update(t.Context(), func(tx backend.Tx) error {
			return errors.Join(tx.SetLastSearch("earlier"), tx.Put(of(made)), requireBoot(tx))
		}))
		require.NoError(t, b.open(present).View(t.Context(), requireBoot))

		s := Open(filepath.Join(t.TempDir(), "created"), present)
		require.NoError(t, s.Create(backend.Content{
			LastSearch: "earlier",
			Leases:     func(yield func(backend.Lease, error) bool) { yield(of(made), nil) },
		}))
		require.NoError(t, s.View(t.Context(), requireBoot))
	}
}

// A repair that renames a lease file, and so changes its ctime, does not change the boot.
func TestRepairKeepsTheBoot(t *testing.T) {
	b := newTestDir(t)
	b.update(func(tx backend.Tx) error { return tx.SetLastSearch("earlier") })
	b.stock("fd00::000a", "id\r\neth0")
	require.NoError(t, os.Chtimes(b.file("fd00::000a"), time.Time{}, time.Now().Add(-time.Hour)))
	boot := func(want string, opts ...Option) {
		t.Helper()
		require.NoError(t, b.open(opts...).View(t.Context(), func(tx backend.ReadTx) error {
			l, err := tx.Lease(ip("fd00::a"))
			require.Equal(t, want, l.Boot)
			return err
		}))
	}
	present := WithBoot("present", afterTick(t))
	boot("", present)
	done, err := b.open(present).Repair(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"renamed fd00::000a to fd00::a"}, done)
	boot("", present)
}

// afterTick returns a time after the times of all files that exist, once the clock of files has
// reached it.
func afterTick(t *testing.T) time.Time {
	t.Helper()
	start := time.Now()
	for {
		f, err := os.CreateTemp(t.TempDir(), "clock")
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, errors.Join(err, f.Close()))
		if info.ModTime().After(start) {
			return start
		}
		time.Sleep(time.Millisecond)
	}
}

// TestBootOfNewLease: a new lease has the same boot within its transaction and after it.
func TestBootOfNewLease(t *testing.T) {
	for want, o := range map[string]Option{
		"":        WithBoot("present", time.Time{}),
		"present": WithBoot("present", time.Now().Add(-time.Hour)),
	} {
		s := newTestDir(t).open(o)
		boot := func(tx backend.ReadTx) error {
			l, err := tx.Lease(ip("10.0.0.1"))
			require.Equal(t, want, l.Boot)
			return err
		}
		require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error {
			return errors.Join(tx.Put(lease("10.0.0.1", "id")), boot(tx))
		}))
		require.NoError(t, s.View(t.Context(), boot))
	}
}

func TestInvalidMarker(t *testing.T) {
	for _, content := range []string{"", "boot", "boot first", "first\n", "\x00\x00\x00"} {
		b := newTestDir(t)
		b.stock(bootName, content)
		require.Empty(t, b.snapshot(), content)
		b.update(func(tx backend.Tx) error { return tx.SetLastSearch("first") })
		require.Equal(t, snapshot{"boot": "first"}, b.snapshot())
		b.update(func(tx backend.Tx) error { return tx.SetLastSearch("") })
		require.NoFileExists(t, b.file(bootName))
	}
}

func TestTime(t *testing.T) {
	b := newTestDir(t)
	l := lease("10.0.0.9", "id")
	l.Since = time.Date(2021, 2, 3, 4, 5, 6, 987654321, time.UTC)
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

// TestKillKeepsTheBootOfLeases kills a transaction that deletes leases of an earlier boot. They
// are gone, or still belong to the earlier boot. If they were renamed and restored, their ctime
// would be of the present boot, and they would be kept for ever.
func TestKillKeepsTheBootOfLeases(t *testing.T) {
	release := func(tx backend.Tx) error {
		return errors.Join(
			remove("10.0.0.1", "10.0.0.2", "fd00::1")(tx),
			put(lease("10.0.0.2", "new"), lease("fd00::2", "new"))(tx), tx.SetLastSearch("second"),
		)
	}
	for n := 1; ; n++ {
		b := newTestDir(t)
		seed(b)
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
					require.Empty(t, l.Boot, "%s, killed at %d", l.Addr, n)
				}
			}
			return nil
		}))
	}
}
