package files

import (
	"errors"
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
			b := newBed(t)
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

// A store that is brought back from a copy while its containers run has leases of old times
// and the marker of an earlier boot.
func TestBootOfCopiedLease(t *testing.T) {
	b := newBed(t)
	l := lease("10.0.0.1", "id")
	l.Since = time.Now().Add(-2 * time.Hour)
	b.update(put(l))
	b.update(func(tx backend.Tx) error { return tx.SetBoot("earlier") })
	require.NoError(t, b.open(WithBoot("present", time.Now().Add(-time.Hour))).View(t.Context(), func(tx backend.ReadTx) error {
		l, err := tx.Lease(ip("10.0.0.1"))
		require.Equal(t, "present", l.Boot)
		return err
	}))
}

// TestBootOfNewLease: within the transaction as after it.
func TestBootOfNewLease(t *testing.T) {
	for want, o := range map[string]Option{
		"":        WithBoot("present", time.Time{}),
		"present": WithBoot("present", time.Now().Add(-time.Hour)),
	} {
		s := newBed(t).open(o)
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

// TestTime: a lease keeps its time through being set aside and restored.
func TestTime(t *testing.T) {
	b := newBed(t)
	l := lease("10.0.0.9", "id")
	l.Since = time.Date(2021, 2, 3, 4, 5, 6, 987654321, time.UTC)
	b.update(put(l))
	info, err := os.Stat(b.file("10.0.0.9"))
	require.NoError(t, err)
	require.True(t, l.Since.Equal(info.ModTime()))
	b.interrupted(remove("10.0.0.9", "10.0.0.1"))
	b.update(nothing)
	b.view(func(tx backend.ReadTx) error {
		got, err := tx.Lease(l.Addr)
		require.Equal(t, l, got)
		return err
	})
}
