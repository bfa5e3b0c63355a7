package backendtest

import (
	"net/netip"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// clausesOfErrInvalid lists what is invalid.
func clausesOfErrInvalid(c contract) {
	for _, addr := range []struct {
		name string
		addr netip.Addr
	}{
		{"the zero address", netip.Addr{}},
		{"an IPv4 address in IPv6 form", ip("::ffff:10.0.0.1")},
		{"an address with a zone", ip("fe80::1%eth0")},
	} {
		c.clause("for "+addr.name+" in a View of nothing stored", func(f *fixture) {
			f.view(func(tx backend.ReadTx) error { readsRefuse(f, tx, addr.addr); return nil })
		})
		c.clause("for "+addr.name+" in an Update", func(f *fixture) {
			f.update(fill)
			f.update(func(tx backend.Tx) error {
				readsRefuse(f, tx, addr.addr)
				require.ErrorIs(f, tx.Put(lease(addr.addr, eth0)), backend.ErrInvalid)
				require.ErrorIs(f, tx.Delete(addr.addr), backend.ErrInvalid)
				require.ErrorIs(f, tx.SetCursor("0", addr.addr), backend.ErrInvalid)
				return nil
			})
			require.Equal(f, filled(f.Options), f.state())
		})
	}
	c.clause("for a range of mixed families", func(f *fixture) {
		requireRefused := func(tx backend.ReadTx) error {
			for _, r := range [][2]string{{first4, last6}, {first6, last4}, {last4, first6}, {"10.0.0.1", "a00:1::"}} {
				_, err := tx.NextFree(ip(r[0]), ip(r[1]))
				require.ErrorIs(f, err, backend.ErrInvalid, r)
			}
			return nil
		}
		f.view(requireRefused)
		f.update(fill)
		f.view(requireRefused)
	})
	c.clause("for an invalid range set", func(f *fixture) {
		f.update(fill)
		f.update(func(tx backend.Tx) error {
			for _, set := range []string{"", ".", "..", "a/b", `a\b`, "a b", "0\x00", "é", strings.Repeat("x", 65)} {
				_, err := tx.Cursor(set)
				require.ErrorIs(f, err, backend.ErrInvalid, set)
				require.ErrorIs(f, tx.SetCursor(set, ip("10.0.0.1")), backend.ErrInvalid, set)
			}
			return nil
		})
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("for a lease that cannot be recorded", refusesLeases)
	c.clause("after fn has returned from View", func(f *fixture) {
		f.update(fill)
		var leaked backend.ReadTx
		f.view(func(tx backend.ReadTx) error { leaked = tx; return nil })
		requireReadsEnded(f, leaked)
	})
	c.clause("after fn has returned from a View of nothing stored", func(f *fixture) {
		var leaked backend.ReadTx
		f.view(func(tx backend.ReadTx) error { leaked = tx; return nil })
		requireReadsEnded(f, leaked)
	})
	c.clause("after fn has returned from Update", func(f *fixture) {
		var leaked backend.Tx
		f.update(func(tx backend.Tx) error { leaked = tx; return fill(tx) })
		requireEnded(f, leaked)
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("after fn has returned an error or has panicked", func(f *fixture) {
		f.update(fill)
		var leaked backend.Tx
		endInError(f, func(tx backend.Tx) { leaked = tx })
		requireEnded(f, leaked)
		endInPanic(f, func(tx backend.Tx) { leaked = tx })
		requireEnded(f, leaked)
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("from an iteration that begins after fn has returned", func(f *fixture) {
		f.update(fill)
		var leaked = func(func(backend.Lease, error) bool) {}
		f.view(func(tx backend.ReadTx) error { leaked = tx.Leases(netip.Addr{}); return nil })
		requireYields(f, leaked, backend.ErrInvalid)
	})
}

func readsRefuse(f *fixture, tx backend.ReadTx, addr netip.Addr) {
	_, err := tx.Lease(addr)
	require.ErrorIs(f, err, backend.ErrInvalid)
	_, err = tx.NextFree(addr, ip("fd00::9"))
	require.ErrorIs(f, err, backend.ErrInvalid)
	_, err = tx.NextFree(ip("fd00::1"), addr)
	require.ErrorIs(f, err, backend.ErrInvalid)
	if addr.IsValid() { // The zero address means the beginning.
		requireYields(f, tx.Leases(addr), backend.ErrInvalid)
	}
}

// requireYields requires that an iteration yields only an error.
func requireYields(f *fixture, leases func(func(backend.Lease, error) bool), want error) {
	f.Helper()
	n := 0
	for l, err := range leases {
		require.ErrorIs(f, err, want)
		require.Zero(f, l)
		n++
	}
	require.Equal(f, 1, n)
}

func refusesLeases(f *fixture) {
	f.update(fill)
	free := lease(ip("10.0.0.9"), eth0)
	names := map[string]func(l *backend.Lease, name string){
		"container ID":   func(l *backend.Lease, name string) { l.Owner.ContainerID = name },
		"interface name": func(l *backend.Lease, name string) { l.Owner.IfName = name },
		"boot":           func(l *backend.Lease, name string) { l.Boot = name },
		"namespace":      func(l *backend.Lease, name string) { l.Pod.Namespace = name },
		"pod":            func(l *backend.Lease, name string) { l.Pod.Name = name },
		"netns":          func(l *backend.Lease, name string) { l.Netns = name },
	}
	long := strings.Repeat("x", backend.MaxNameLen+1)
	f.update(func(tx backend.Tx) error {
		for field, set := range names {
			for _, name := range []string{"a\nb", "a\rb", "a\tb", "a\x00b", "a\x7f", " a", "a ", "\u00a0a", long} {
				l := free
				set(&l, name)
				require.ErrorIs(f, tx.Put(l), backend.ErrInvalid, "%s %q", field, name)
			}
		}
		for _, o := range []backend.Owner{{}, {IfName: "eth0"}} {
			require.ErrorIs(f, tx.Put(lease(free.Addr, o)), backend.ErrInvalid, "owner %q", o)
		}
		return nil
	})
	require.Equal(f, filled(f.Options), f.state())
}

func requireReadsEnded(f *fixture, tx backend.ReadTx) {
	f.Helper()
	_, err := tx.Lease(ip("10.0.0.1"))
	require.ErrorIs(f, err, backend.ErrInvalid)
	_, err = tx.OwnedBy(eth0)
	require.ErrorIs(f, err, backend.ErrInvalid)
	requireYields(f, tx.Leases(netip.Addr{}), backend.ErrInvalid)
	_, err = tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9"))
	require.ErrorIs(f, err, backend.ErrInvalid)
	_, err = tx.Cursor("0")
	require.ErrorIs(f, err, backend.ErrInvalid)
	_, err = tx.Cursors()
	require.ErrorIs(f, err, backend.ErrInvalid)
	_, err = tx.LastSearch()
	require.ErrorIs(f, err, backend.ErrInvalid)
}

func requireEnded(f *fixture, tx backend.Tx) {
	f.Helper()
	requireReadsEnded(f, tx)
	require.ErrorIs(f, tx.Put(lease(ip("10.0.0.9"), eth0)), backend.ErrInvalid)
	require.ErrorIs(f, tx.Delete(ip("10.0.0.1")), backend.ErrInvalid)
	require.ErrorIs(f, tx.SetCursor("0", ip("10.0.0.9")), backend.ErrInvalid)
	require.ErrorIs(f, tx.SetLastSearch("later"), backend.ErrInvalid)
}

// clausesOfZeroOwner are about torn leases.
func clausesOfZeroOwner(c contract) {
	clause := func(sentence string, test func(f *fixture, tx backend.Tx)) {
		c.clause(sentence, func(f *fixture) {
			f.put(leased("10.0.0.1")...)
			require.NoError(f, f.Tear(f.store, f.path, ip("10.0.0.2")))
			f.update(func(tx backend.Tx) error { test(f, tx); return nil })
		})
	}
	clause("is the owner of a torn lease", func(f *fixture, tx backend.Tx) {
		l, err := tx.Lease(ip("10.0.0.2"))
		require.NoError(f, err)
		require.Equal(f, ip("10.0.0.2"), l.Addr)
		require.True(f, l.Owner.IsZero())
		require.Equal(f, ips("10.0.0.1", "10.0.0.2"), iterated(f, tx, netip.Addr{}))
	})
	clause("is not found by name", func(f *fixture, tx backend.Tx) {
		for _, o := range []backend.Owner{{}, {IfName: "eth0"}} {
			got, err := tx.OwnedBy(o)
			require.NoError(f, err)
			require.Empty(f, got)
		}
	})
	clause("counts as taken", func(f *fixture, tx backend.Tx) {
		requireNextFree(f, tx, "10.0.0.1", "10.0.0.9", "10.0.0.3")
		require.ErrorIs(f, tx.Put(leased("10.0.0.2")[0]), backend.ErrExists)
	})
	clause("can be deleted", func(f *fixture, tx backend.Tx) {
		require.NoError(f, tx.Delete(ip("10.0.0.2")))
		requireNextFree(f, tx, "10.0.0.1", "10.0.0.9", "10.0.0.2")
		require.NoError(f, tx.Put(leased("10.0.0.2")[0]))
	})
}
