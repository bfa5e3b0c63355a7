package pool_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/pool"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestSize(t *testing.T) {
	for subnet, want := range map[string]uint64{
		"10.0.0.0/29":  5,
		"10.0.0.0/16":  65_533,
		"10.0.0.0/8":   1<<24 - 3,
		"fd00::/120":   254,
		"fd00:1::/64":  1<<64 - 2,
		"10.1.2.64/26": 61,
	} {
		require.Equal(t, want, pool.New(netip.MustParsePrefix(subnet)).Size(), subnet)
	}
}

// take leases what comes next and returns it.
func take(t *testing.T, p *pool.Pool) string {
	t.Helper()
	addr, ok := p.Next()
	require.True(t, ok)
	require.NoError(t, p.Lease(addr))
	require.Equal(t, addr, p.Last())
	return addr.String()
}

func TestNextGoesOnAndBeginsAnew(t *testing.T) {
	p := pool.New(netip.MustParsePrefix("10.0.0.0/29"))
	for _, want := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4"} {
		require.Equal(t, want, take(t, p))
	}
	p.Release(ip("10.0.0.3"))
	for _, want := range []string{"10.0.0.5", "10.0.0.6", "10.0.0.3"} {
		require.Equal(t, want, take(t, p))
	}
	require.Equal(t, 5, p.Len())
	_, ok := p.Next()
	require.False(t, ok, "all are leased")

	// The one that was given last can be the only one that is free.
	p.Release(ip("10.0.0.3"))
	require.Equal(t, "10.0.0.3", take(t, p))
}

func TestSixtyFourBits(t *testing.T) {
	p := pool.New(netip.MustParsePrefix("fd00:1:2:3::/64"))
	require.Equal(t, "fd00:1:2:3:ffff:ffff:ffff:ffff", p.Last().String())
	require.Equal(t, "fd00:1:2:3::2", take(t, p))
	require.NoError(t, p.Lease(ip("fd00:1:2:3:ffff:ffff:ffff:ffff")))
	require.Equal(t, "fd00:1:2:3::3", take(t, p))
}

func TestSkip(t *testing.T) {
	p := pool.New(netip.MustParsePrefix("10.0.0.0/29"))
	p.Skip(1)
	require.Equal(t, "10.0.0.3", take(t, p))
	p.Skip(4)
	require.Equal(t, "10.0.0.4", take(t, p), "10.0.0.3 is leased")
}

func TestLeaseRefuses(t *testing.T) {
	p := pool.New(netip.MustParsePrefix("10.0.0.0/29"))
	for _, addr := range []string{"10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.0.8", "9.255.255.255", "::ffff:10.0.0.2", "fd00::2"} {
		require.ErrorContains(t, p.Lease(ip(addr)), addr+" cannot be leased in 10.0.0.0/29")
		p.Release(ip(addr))
	}
	require.NoError(t, p.Lease(ip("10.0.0.6")))
	require.EqualError(t, p.Lease(ip("10.0.0.6")), "10.0.0.6 is leased already")
	require.Equal(t, 1, p.Len())
}
