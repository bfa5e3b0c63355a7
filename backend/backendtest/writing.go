package backendtest

import (
	"errors"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func clausesOfCursorAndBoot(c contract) {
	c.clause("each range set has one cursor, of either family", func(f *fixture) {
		want := map[string]netip.Addr{
			"0": ip("10.0.0.9"), "1": ip("fd00::9"), "10": ip("10.9.0.9"), "a-b_c": ip(last6),
			strings.Repeat("x", 64): ip(first4),
		}
		f.update(func(tx backend.Tx) error {
			for set, addr := range want {
				require.NoError(f, tx.SetCursor(set, addr))
			}
			requireCursors(f, tx, want)
			return nil
		})
		f.view(func(tx backend.ReadTx) error { requireCursors(f, tx, want); return nil })
	})
	c.clause("a later cursor replaces an earlier one", func(f *fixture) {
		set := func(addr string) {
			f.update(func(tx backend.Tx) error { return tx.SetCursor("0", ip(addr)) })
		}
		set("10.0.0.1")
		set("fd00::1:2:3:4:5:6")
		set("10.0.0.2")
		require.Equal(f, map[string]netip.Addr{"0": ip("10.0.0.2")}, f.state().cursors)
	})
	c.clause("a cursor that was never set is ErrNotFound", func(f *fixture) {
		f.update(fill)
		f.view(func(tx backend.ReadTx) error {
			_, err := tx.Cursor("2")
			require.ErrorIs(f, err, backend.ErrNotFound)
			return nil
		})
	})
	c.clause("the map of cursors belongs to the caller", func(f *fixture) {
		f.update(fill)
		f.view(func(tx backend.ReadTx) error {
			cursors, err := tx.Cursors()
			require.NoError(f, err)
			clear(cursors)
			requireCursors(f, tx, filled(f.Options).cursors)
			return nil
		})
	})
	c.clause("cursors and leases are independent", func(f *fixture) {
		f.update(func(tx backend.Tx) error { return tx.SetCursor("0", ip("10.0.0.1")) })
		require.Empty(f, f.addrs())
		f.put(leased("10.0.0.1")...)
		f.update(func(tx backend.Tx) error { return tx.Delete(ip("10.0.0.1")) })
		require.Equal(f, map[string]netip.Addr{"0": ip("10.0.0.1")}, f.state().cursors)
	})
	c.clause("the boot is the last one set", func(f *fixture) {
		for _, id := range []string{"first", "second", ""} {
			f.update(func(tx backend.Tx) error {
				require.NoError(f, tx.SetLastSearch(id))
				boot, err := tx.LastSearch()
				require.Equal(f, id, boot)
				return err
			})
			require.Equal(f, id, f.state().boot)
		}
	})
	c.clause("the boots of the store and of leases are independent", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		require.Empty(f, f.state().boot)
	})
}

func requireCursors(f *fixture, tx backend.ReadTx, want map[string]netip.Addr) {
	f.Helper()
	got, err := tx.Cursors()
	require.NoError(f, err)
	require.Equal(f, want, got)
	for set := range maps.Keys(want) {
		addr, err := tx.Cursor(set)
		require.NoError(f, err)
		require.Equal(f, want[set], addr)
	}
}

func clausesOfPut(c contract) {
	other := backend.Owner{ContainerID: "other", IfName: "eth0"}
	for _, to := range []struct {
		whom  string
		owner backend.Owner
	}{
		{"another owner", other},
		{"the same owner", eth0},
	} {
		c.clause("returns ErrExists for an address leased to "+to.whom+" and keeps the lease", func(f *fixture) {
			f.put(leased("10.0.0.1", "fd00::1")...)
			f.update(func(tx backend.Tx) error {
				require.ErrorIs(f, tx.Put(lease(ip("10.0.0.1"), to.owner)), backend.ErrExists)
				require.ErrorIs(f, tx.Put(lease(ip("fd00::1"), to.owner)), backend.ErrExists)
				return tx.Put(lease(ip("10.0.0.2"), to.owner))
			})
			require.Equal(f, f.kept(leased("10.0.0.1")[0]), f.state().leases[ip("10.0.0.1")])
			require.Equal(f, ips("10.0.0.1", "10.0.0.2", "fd00::1"), f.addrs())
		})
	}
	c.clause("returns ErrExists for an address put twice in one transaction", func(f *fixture) {
		f.update(func(tx backend.Tx) error {
			require.NoError(f, tx.Put(leased("10.0.0.1")[0]))
			require.ErrorIs(f, tx.Put(lease(ip("10.0.0.1"), other)), backend.ErrExists)
			return nil
		})
		require.Equal(f, eth0, f.state().leases[ip("10.0.0.1")].Owner)
	})
	c.clause("keeps names byte for byte", keepsNames)
	c.clause("keeps Since, in UTC", keepsSince)
	c.clause("keeps leases of similar addresses apart", func(f *fixture) {
		alike := leased("0.0.0.1", "10.0.0.1", "1.0.0.10", "::1", "::a00:1", "a00:1::", "64:ff9b::a00:1", "fd00::10", "fd00::1:0")
		f.put(alike...)
		for _, l := range alike {
			require.Equal(f, f.kept(l), f.state().leases[l.Addr])
		}
		require.Len(f, f.addrs(), len(alike))
	})
}

// clausesOfDetails are about fields that a store may be unable to keep.
func clausesOfDetails(c contract) {
	c.clause("are kept if they are known", func(f *fixture) {
		want := leased("10.0.0.1", "fd00::1")
		want[1].Boot, want[1].Pod.Namespace, want[1].Pod.Name, want[1].Netns = "b", "é", "\xff", "/n s"
		f.put(want...)
		require.Equal(f, want, f.state().from(netip.Addr{}))
	})
	c.clause("are kept as unknown otherwise", func(f *fixture) {
		bare := backend.Lease{Addr: ip("10.0.0.1"), Owner: eth0}
		f.put(bare)
		require.Equal(f, bare, f.state().leases[bare.Addr])
	})
}

func keepsNames(f *fixture) {
	long := strings.Repeat("x", backend.MaxNameLen)
	owners := []backend.Owner{
		{ContainerID: "with space", IfName: "eth 0"},
		{ContainerID: "a/b:c=d", IfName: "veth/0.1@if2"},
		{ContainerID: `"quoted" \n`, IfName: "%s"},
		{ContainerID: "Größe-容器", IfName: "éth0"},
		{ContainerID: "not\xffUTF-8\x80", IfName: "\xfe"},
		{ContainerID: "10.0.0.1", IfName: "fd00::1"},
		{ContainerID: long, IfName: long},
		{ContainerID: long, IfName: long[1:]},
		{ContainerID: "no interface"},
	}
	addr := ip("10.0.0.1")
	for _, o := range owners {
		f.put(lease(addr, o))
		addr = addr.Next()
	}
	leases := f.state().from(netip.Addr{})
	for i, o := range owners {
		require.Equal(f, o, leases[i].Owner)
		f.view(func(tx backend.ReadTx) error {
			got, err := tx.OwnedBy(o)
			require.Equal(f, leases[i:i+1], got)
			return err
		})
	}
}

func keepsSince(f *fixture) {
	l := leased("10.0.0.1")[0]
	l.Since = time.Date(2025, 3, 30, 2, 59, 59, 987_654_321, time.FixedZone("CET", 3600))
	want := f.kept(l).Since
	f.update(func(tx backend.Tx) error {
		require.NoError(f, tx.Put(l))
		got, err := tx.Lease(l.Addr)
		require.Equal(f, want, got.Since)
		return err
	})
	require.Equal(f, want, f.state().leases[l.Addr].Since)
}

func clausesOfDelete(c contract) {
	c.clause("removes the lease", func(f *fixture) {
		f.put(leased("10.0.0.1", "10.0.0.2", "fd00::1")...)
		f.update(func(tx backend.Tx) error {
			return errors.Join(tx.Delete(ip("10.0.0.1")), tx.Delete(ip("fd00::1")))
		})
		require.Equal(f, ips("10.0.0.2"), f.addrs())
	})
	c.clause("ignores an address that is not leased", func(f *fixture) {
		f.update(func(tx backend.Tx) error { return tx.Delete(ip("10.0.0.1")) })
		f.put(leased("10.0.0.1")...)
		f.update(func(tx backend.Tx) error {
			return errors.Join(tx.Delete(ip("10.0.0.2")), tx.Delete(ip("fd00::1")))
		})
		require.Equal(f, ips("10.0.0.1"), f.addrs())
	})
	c.clause("ignores an address that the transaction has deleted already", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		f.update(func(tx backend.Tx) error {
			return errors.Join(tx.Delete(ip("10.0.0.1")), tx.Delete(ip("10.0.0.1")))
		})
		require.Empty(f, f.addrs())
	})
	c.clause("frees the address for another Put in the same transaction", func(f *fixture) {
		next := lease(ip("10.0.0.1"), backend.Owner{ContainerID: "next", IfName: "eth0"})
		f.put(leased("10.0.0.1")...)
		f.update(func(tx backend.Tx) error {
			return errors.Join(tx.Delete(next.Addr), tx.Put(next))
		})
		require.Equal(f, f.kept(next), f.state().leases[next.Addr])
		f.view(func(tx backend.ReadTx) error {
			got, err := tx.OwnedBy(eth0)
			require.Empty(f, got)
			return err
		})
	})
	c.clause("undoes a Put of the same transaction", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		f.update(func(tx backend.Tx) error {
			return errors.Join(
				putAll(tx, leased("10.0.0.2")), tx.Delete(ip("10.0.0.2")),
				tx.Delete(ip("10.0.0.1")), putAll(tx, leased("10.0.0.1")), tx.Delete(ip("10.0.0.1")),
			)
		})
		require.Empty(f, f.addrs())
	})
}
