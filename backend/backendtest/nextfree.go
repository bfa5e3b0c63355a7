package backendtest

import (
	"net/netip"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

const (
	first4, last4 = "0.0.0.0", "255.255.255.255"
	first6, last6 = "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
)

func clausesOfNextFree(c contract) {
	for _, ask := range []struct {
		sentence string
		leased   []string
		from, to string
		want     string // empty for ErrNoneFree
	}{
		{"returns the first address of an empty range", nil, "10.0.0.1", "10.0.0.9", "10.0.0.1"},
		{"returns the first address if that is free", []string{"10.0.0.2"}, "10.0.0.1", "10.0.0.9", "10.0.0.1"},
		{"returns the lowest free address", []string{"10.0.0.1", "10.0.0.2", "10.0.0.4"}, "10.0.0.1", "10.0.0.9", "10.0.0.3"},
		{"ignores leases before the range", []string{"10.0.0.1", "10.0.0.2"}, "10.0.0.3", "10.0.0.9", "10.0.0.3"},
		{"begins in the middle of a run of leases", []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, "10.0.0.2", "10.0.0.9", "10.0.0.4"},
		{"ends in the middle of a run of leases", []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, "10.0.0.1", "10.0.0.2", ""},
		{"includes the last address", []string{"10.0.0.1", "10.0.0.2"}, "10.0.0.1", "10.0.0.3", "10.0.0.3"},
		{"returns ErrNoneFree for a full range", []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, "10.0.0.1", "10.0.0.3", ""},
		{"takes a range of one free address", []string{"10.0.0.1", "10.0.0.3"}, "10.0.0.2", "10.0.0.2", "10.0.0.2"},
		{"takes a range of one leased address", []string{"10.0.0.2"}, "10.0.0.2", "10.0.0.2", ""},
		{"returns ErrNoneFree for a range that ends before it begins", nil, "10.0.0.2", "10.0.0.1", ""},
		{"carries into the next byte", []string{"10.0.0.255"}, "10.0.0.255", "10.0.1.0", "10.0.1.0"},
		{"joins runs across bytes", []string{"10.0.0.254", "10.0.1.0", "10.0.0.255"}, "10.0.0.254", "10.0.1.9", "10.0.1.1"},
		{"takes all of IPv4", nil, first4, last4, first4},
		{"skips a leased first IPv4 address", []string{first4}, first4, last4, "0.0.0.1"},
		{"reaches the last IPv4 address", []string{"255.255.255.254"}, "255.255.255.254", last4, last4},
		{"ends at the last IPv4 address", []string{"255.255.255.254", last4}, "255.255.255.254", last4, ""},
		{"does not continue from IPv4 to IPv6", []string{last4, first6}, last4, last4, ""},
		{"does not join the last IPv4 and the first IPv6 address into one run", []string{last4, first6}, first6, "::9", "::1"},
		{"takes all of IPv6", nil, first6, last6, first6},
		{"skips a leased first IPv6 address", []string{first6}, first6, last6, "::1"},
		{"reaches the last IPv6 address", []string{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"}, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", last6, last6},
		{"ends at the last IPv6 address", []string{last6}, last6, last6, ""},
		{"carries into the upper half of an IPv6 address", []string{"fd00::ffff:ffff:ffff:ffff"}, "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::9", "fd00:0:0:1::"},
		{"keeps families with similar bytes apart", []string{"10.0.0.1", "a00:1::"}, "a00:2::", "a00:2::9", "a00:2::"},
	} {
		c.clause(ask.sentence, func(f *fixture) {
			f.put(leased(ask.leased...)...)
			f.view(func(tx backend.ReadTx) error {
				requireNextFree(f, tx, ask.from, ask.to, ask.want)
				return nil
			})
		})
	}
	c.clause("sees the transaction's own writes", nextFreeSeesOwnWrites)
	c.clause("finds the only free address among many", nextFreeAmongMany)
}

func requireNextFree(f *fixture, tx backend.ReadTx, from, to, want string) {
	f.Helper()
	got, err := tx.NextFree(ip(from), ip(to))
	if want == "" {
		require.ErrorIs(f, err, backend.ErrNoneFree)
		return
	}
	require.NoError(f, err)
	require.Equal(f, ip(want), got)
}

func nextFreeSeesOwnWrites(f *fixture) {
	f.put(leased("10.0.0.1")...)
	f.update(func(tx backend.Tx) error {
		for _, want := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4"} {
			requireNextFree(f, tx, "10.0.0.1", "10.0.0.4", want)
			require.NoError(f, tx.Put(leased(want)[0]))
		}
		requireNextFree(f, tx, "10.0.0.1", "10.0.0.4", "")
		require.NoError(f, tx.Delete(ip("10.0.0.1")))
		requireNextFree(f, tx, "10.0.0.1", "10.0.0.4", "10.0.0.1")
		require.NoError(f, tx.Delete(ip("10.0.0.3")))
		requireNextFree(f, tx, "10.0.0.2", "10.0.0.4", "10.0.0.3")
		return nil
	})
}

func nextFreeAmongMany(f *fixture) {
	many := many()
	f.put(many...)
	for _, family := range [][]backend.Lease{many[:150], many[150:]} {
		from, to := family[0].Addr, family[149].Addr
		for _, free := range []netip.Addr{from, family[56].Addr, family[77].Addr, to} {
			f.update(func(tx backend.Tx) error { return tx.Delete(free) })
			f.view(func(tx backend.ReadTx) error {
				requireNextFree(f, tx, from.String(), to.String(), free.String())
				return nil
			})
			f.put(lease(free, eth0))
			f.view(func(tx backend.ReadTx) error {
				requireNextFree(f, tx, from.String(), to.String(), "")
				return nil
			})
		}
	}
}
