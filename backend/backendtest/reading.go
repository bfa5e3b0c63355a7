package backendtest

import (
	"net/netip"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func clausesOfLease(c contract) {
	c.clause("returns the lease unchanged", func(f *fixture) {
		f.put(leased("10.0.0.1", "fd00::1")...)
		f.view(func(tx backend.ReadTx) error {
			for _, want := range leased("10.0.0.1", "fd00::1") {
				got, err := tx.Lease(want.Addr)
				require.NoError(f, err)
				require.Equal(f, f.kept(want), got)
			}
			return nil
		})
	})
	c.clause("returns ErrNotFound for an address that is not leased", func(f *fixture) {
		f.put(leased("10.0.0.1", "fd00::1")...)
		f.view(func(tx backend.ReadTx) error {
			for _, addr := range ips("10.0.0.0", "10.0.0.2", "10.0.0.10", "0.0.0.0", "fd00::", "fd00::2", "::", "::1") {
				_, err := tx.Lease(addr)
				require.ErrorIs(f, err, backend.ErrNotFound, addr)
			}
			return nil
		})
	})
}

// owned returns leases whose numeric order differs from their order as text and by their
// last bytes, and whose owners have names that are easily confused.
func owned() []backend.Lease {
	var all []backend.Lease
	for _, of := range []struct{ addr, id, ifname string }{
		{"fd00::a", "ab", "eth0"},
		{"10.0.0.10", "ab", "eth0"},
		{"10.0.0.9", "ab", "eth0"},
		{"9.255.0.1", "ab", "eth0"},
		{"fd00::9", "ab", "eth1"},
		{"10.0.0.8", "ab", "eth1"},
		{"10.0.0.11", "ab", "eth01"},
		{"10.0.0.2", "a", "beth0"},
		{"10.0.0.3", "abe", "th0"},
		{"10.0.0.4", "AB", "eth0"},
		{"10.0.0.5", "old", ""},
		{"fd00::5", "old", ""},
		{"10.0.0.6", "old", "eth0"},
		{"10.0.0.7", "old", "eth1"},
	} {
		all = append(all, lease(ip(of.addr), backend.Owner{ContainerID: of.id, IfName: of.ifname}))
	}
	return all
}

func clausesOfOwnedBy(c contract) {
	for _, of := range []struct {
		sentence   string
		id, ifname string
		want       []netip.Addr
	}{
		{"returns the leases of an interface in ascending order", "ab", "eth0",
			ips("9.255.0.1", "10.0.0.9", "10.0.0.10", "fd00::a")},
		{"tells interfaces of a container apart", "ab", "eth1", ips("10.0.0.8", "fd00::9")},
		{"tells containers apart", "a", "beth0", ips("10.0.0.2")},
		{"returns all leases of a container when no interface is named", "ab", "",
			ips("9.255.0.1", "10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.11", "fd00::9", "fd00::a")},
		{"includes leases that name no interface", "old", "eth0", ips("10.0.0.5", "10.0.0.6", "fd00::5")},
		{"returns leases with and without an interface when none is named", "old", "",
			ips("10.0.0.5", "10.0.0.6", "10.0.0.7", "fd00::5")},
		{"returns no leases and no error for a container without leases", "b", "eth0", nil},
		{"returns no leases and no error for an interface without leases", "ab", "eth", nil},
		{"returns no leases for the zero Owner", "", "", nil},
		{"returns no leases for an Owner without a container", "", "eth0", nil},
	} {
		c.clause(of.sentence, func(f *fixture) {
			f.put(owned()...)
			f.view(func(tx backend.ReadTx) error {
				got, err := tx.OwnedBy(backend.Owner{ContainerID: of.id, IfName: of.ifname})
				require.NoError(f, err)
				require.Equal(f, of.want, addrsOf(got))
				for _, l := range got {
					same, err := tx.Lease(l.Addr)
					require.NoError(f, err)
					require.Equal(f, same, l)
				}
				return nil
			})
		})
	}
	c.clause("follows Put and Delete", func(f *fixture) {
		f.put(leased("10.0.0.1", "10.0.0.2")...)
		f.update(func(tx backend.Tx) error {
			require.NoError(f, tx.Delete(ip("10.0.0.1")))
			require.NoError(f, tx.Put(leased("10.0.0.3")[0]))
			got, err := tx.OwnedBy(eth0)
			require.Equal(f, ips("10.0.0.2", "10.0.0.3"), addrsOf(got))
			return err
		})
		f.view(func(tx backend.ReadTx) error {
			got, err := tx.OwnedBy(eth0)
			require.Equal(f, ips("10.0.0.2", "10.0.0.3"), addrsOf(got))
			return err
		})
	})
}

func addrsOf(leases []backend.Lease) []netip.Addr {
	var all []netip.Addr
	for _, l := range leases {
		all = append(all, l.Addr)
	}
	return all
}

func clausesOfLeases(c contract) {
	ascending := ips("0.0.0.0", "2.0.0.0", "10.0.0.9", "10.0.0.10", "10.0.1.0", "255.255.255.255",
		"::", "fd00::9", "fd00::a", "fd00::1:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	for _, it := range []struct {
		sentence string
		from     netip.Addr
		want     []netip.Addr
	}{
		{"begins at the beginning for the zero address", netip.Addr{}, ascending},
		{"begins at the given address if it is leased", ip("10.0.0.9"), ascending[2:]},
		{"begins after the given address if it is not leased", ip("3.0.0.0"), ascending[2:]},
		{"continues from IPv4 to IPv6", ip("255.255.255.255"), ascending[5:]},
		{"skips IPv4 if it begins with IPv6", ip("::"), ascending[6:]},
		{"begins in the middle of IPv6", ip("fd00::b"), ascending[9:]},
		{"includes the last address", ascending[10], ascending[10:]},
	} {
		c.clause(it.sentence, func(f *fixture) {
			put := leased()
			for _, addr := range slices.Backward(ascending) {
				put = append(put, lease(addr, eth0))
			}
			f.put(put...)
			f.view(func(tx backend.ReadTx) error {
				require.Equal(f, it.want, iterated(f, tx, it.from))
				return nil
			})
		})
	}
	c.clause("yields nothing after the last lease", func(f *fixture) {
		f.put(leased("10.0.0.1", "fd00::1")...)
		f.view(func(tx backend.ReadTx) error {
			require.Empty(f, iterated(f, tx, ip("fd00::2")))
			return nil
		})
	})
	c.clause("yields leases as Lease returns them", func(f *fixture) {
		f.put(owned()...)
		f.view(func(tx backend.ReadTx) error {
			for l, err := range tx.Leases(netip.Addr{}) {
				require.NoError(f, err)
				same, err := tx.Lease(l.Addr)
				require.NoError(f, err)
				require.Equal(f, same, l)
			}
			return nil
		})
	})
	c.clause("can be stopped early, repeated and nested", nestedIterations)
	c.clause("yields the transaction's own writes", func(f *fixture) {
		f.put(leased("10.0.0.1", "10.0.0.3", "fd00::1")...)
		f.update(func(tx backend.Tx) error {
			require.NoError(f, putAll(tx, leased("10.0.0.2", "fd00::2")))
			require.NoError(f, tx.Delete(ip("10.0.0.3")))
			require.Equal(f, ips("10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"), iterated(f, tx, netip.Addr{}))
			return nil
		})
	})
	c.clause("yields every one of many leases", func(f *fixture) {
		many := many()
		f.put(many...)
		require.Equal(f, addrsOf(many), f.addrs())
	})
}

// iterated returns the addresses that Leases yields.
func iterated(f *fixture, tx backend.ReadTx, from netip.Addr) []netip.Addr {
	var all []netip.Addr
	for l, err := range tx.Leases(from) {
		require.NoError(f, err)
		all = append(all, l.Addr)
	}
	return all
}

// many returns leases of both families, in ascending order and without gaps within a
// family, that fill more than a page and overflow the last byte of an address.
func many() []backend.Lease {
	var all []backend.Lease
	for _, addr := range ips("10.0.0.200", "fd00::ff80") {
		for i := range 150 {
			owner := backend.Owner{ContainerID: string(rune('a' + i%26)), IfName: "eth0"}
			all = append(all, lease(addr, owner))
			addr = addr.Next()
		}
	}
	return all
}

func nestedIterations(f *fixture) {
	f.put(leased("10.0.0.1", "10.0.0.2", "fd00::1")...)
	f.update(func(tx backend.Tx) error {
		all := tx.Leases(netip.Addr{})
		for l, err := range all {
			require.NoError(f, err)
			require.Equal(f, ip("10.0.0.1"), l.Addr)
			require.Equal(f, ips("10.0.0.2", "fd00::1"), iterated(f, tx, l.Addr.Next()))
			break
		}
		n := 0
		for range all { // An error would be counted too, and make it more than 3.
			n++
		}
		require.Equal(f, 3, n)
		return tx.Put(leased("10.0.0.3")[0])
	})
	require.Equal(f, ips("10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"), f.addrs())
}
