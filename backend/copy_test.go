package backend_test

import (
	"errors"
	"iter"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// lease returns a lease with every field set.
func lease(addr string) backend.Lease {
	return backend.Lease{
		Addr:  ip(addr),
		Owner: backend.Owner{ContainerID: "c " + addr, IfName: "eth0"},
		Since: time.Date(2025, 2, 28, 23, 59, 58, 0, time.UTC),
		Boot:  "5b2f7c9e",
		Pod:   backend.Pod{Namespace: "default", Name: "web-0"},
		Netns: "/run/netns/c",
	}
}

func update(t *testing.T, s backend.Store, fn func(backend.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), fn))
}

// copied copies src into dst and returns what Copy returned.
func copied(t *testing.T, dst, src backend.Store) (n int, err error) {
	t.Helper()
	viewErr := src.View(t.Context(), func(from backend.ReadTx) error {
		err = dst.Update(t.Context(), func(to backend.Tx) (err error) {
			n, err = backend.Copy(to, from)
			return err
		})
		return nil
	})
	require.NoError(t, viewErr)
	return n, err
}

// content is everything that can be read from a store.
type content struct {
	leases  []backend.Lease
	cursors map[string]netip.Addr
	boot    string
}

func contentOf(t *testing.T, s backend.Store) (c content) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(tx backend.ReadTx) (err error) {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			c.leases = append(c.leases, l)
		}
		c.cursors, err = tx.Cursors()
		require.NoError(t, err)
		c.boot, err = tx.Boot()
		return err
	}))
	return c
}

func TestCopyIsLossless(t *testing.T) {
	src, dst := memory.New(), memory.New()
	bare := backend.Lease{Addr: ip("10.0.0.2"), Owner: backend.Owner{ContainerID: "old"}}
	want := content{
		leases:  []backend.Lease{lease("10.0.0.1"), bare, lease("fd00::1")},
		cursors: map[string]netip.Addr{"0": ip("10.0.0.2"), "1": ip("fd00::1")},
		boot:    "5b2f7c9e",
	}
	update(t, src, func(tx backend.Tx) error {
		for _, l := range want.leases {
			require.NoError(t, tx.Put(l))
		}
		for set, addr := range want.cursors {
			require.NoError(t, tx.SetCursor(set, addr))
		}
		return tx.SetBoot(want.boot)
	})

	n, err := copied(t, dst, src)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, want, contentOf(t, dst))
	require.Equal(t, want, contentOf(t, src))
}

func TestCopyOfNothingKeepsWhatIsThere(t *testing.T) {
	dst := memory.New()
	update(t, dst, func(tx backend.Tx) error {
		return errors.Join(tx.Put(lease("10.0.0.1")), tx.SetCursor("0", ip("10.0.0.1")), tx.SetBoot("here"))
	})
	before := contentOf(t, dst)
	n, err := copied(t, dst, memory.New())
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, before, contentOf(t, dst))
}

func TestCopyLeavesTornLeasesBehind(t *testing.T) {
	src, dst := memory.New(), memory.New()
	update(t, src, func(tx backend.Tx) error { return tx.Put(lease("10.0.0.1")) })
	require.NoError(t, src.Tear(ip("10.0.0.2")))

	n, err := copied(t, dst, src)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []backend.Lease{lease("10.0.0.1")}, contentOf(t, dst).leases)
}

func TestCopyNeverLeasesAnAddressTwice(t *testing.T) {
	src, dst := memory.New(), memory.New()
	update(t, src, func(tx backend.Tx) error {
		return errors.Join(tx.Put(lease("10.0.0.1")), tx.Put(lease("10.0.0.2")))
	})
	update(t, dst, func(tx backend.Tx) error { return tx.Put(lease("10.0.0.2")) })
	before := contentOf(t, dst)

	_, err := copied(t, dst, src)
	require.ErrorIs(t, err, backend.ErrExists)
	require.ErrorContains(t, err, "copy 10.0.0.2 of c 10.0.0.2 (eth0)")
	require.Equal(t, before, contentOf(t, dst))
}

// oddCursor is a view that shows a cursor that no store takes.
type oddCursor struct{ backend.ReadTx }

func (oddCursor) Cursors() (map[string]netip.Addr, error) {
	return map[string]netip.Addr{"a/b": ip("10.0.0.1")}, nil
}

func TestCopyReportsWhatCannotBeWritten(t *testing.T) {
	src, dst := memory.New(), memory.New()
	update(t, src, func(tx backend.Tx) error { return tx.Put(lease("10.0.0.1")) })
	require.NoError(t, src.View(t.Context(), func(from backend.ReadTx) error {
		err := dst.Update(t.Context(), func(to backend.Tx) error {
			_, err := backend.Copy(to, oddCursor{from})
			return err
		})
		require.ErrorIs(t, err, backend.ErrInvalid)
		require.ErrorContains(t, err, "copy cursor of range set a/b")
		return nil
	}))
	require.Empty(t, contentOf(t, dst).leases)
}

// failing is a view one of whose methods fails.
type failing struct {
	backend.ReadTx
	leases, cursors, boot error
}

func (f failing) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	if f.leases == nil {
		return f.ReadTx.Leases(from)
	}
	return func(yield func(backend.Lease, error) bool) { yield(backend.Lease{}, f.leases) }
}

func (f failing) Cursors() (map[string]netip.Addr, error) {
	if f.cursors == nil {
		return f.ReadTx.Cursors()
	}
	return nil, f.cursors
}

func (f failing) Boot() (string, error) {
	if f.boot == nil {
		return f.ReadTx.Boot()
	}
	return "", f.boot
}

func TestCopyReportsWhatCannotBeRead(t *testing.T) {
	unreadable := errors.New("unreadable")
	for name, src := range map[string]failing{
		"leases":  {leases: unreadable},
		"cursors": {cursors: unreadable},
		"boot":    {boot: unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, memory.New().View(t.Context(), func(from backend.ReadTx) error {
				src.ReadTx = from
				err := memory.New().Update(t.Context(), func(to backend.Tx) error {
					_, err := backend.Copy(to, src)
					return err
				})
				require.ErrorIs(t, err, unreadable)
				return nil
			}))
		})
	}
}
