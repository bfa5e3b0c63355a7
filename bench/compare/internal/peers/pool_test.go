package peers

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// take leases what comes next and returns it.
func take(t *testing.T, p *Pool) string {
	t.Helper()
	addr, ok := p.Next()
	require.True(t, ok)
	require.NoError(t, p.Lease(addr))
	require.Equal(t, addr, p.cursor)
	return addr.String()
}

func TestPoolGoesOnAndStartsOver(t *testing.T) {
	p := NewPool(netip.MustParsePrefix("10.0.0.0/29"))
	for _, want := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4"} {
		require.Equal(t, want, take(t, p))
	}
	p.Release(netip.MustParseAddr("10.0.0.3"))
	for _, want := range []string{"10.0.0.5", "10.0.0.6", "10.0.0.3"} {
		require.Equal(t, want, take(t, p))
	}
	require.Len(t, p.leased, 5)
	_, ok := p.Next()
	require.False(t, ok, "all are leased")

	p.Release(netip.MustParseAddr("10.0.0.3"))
	require.Equal(t, "10.0.0.3", take(t, p), "the last one can be the only free one")
}

func TestPoolOf64Bits(t *testing.T) {
	p := NewPool(netip.MustParsePrefix("fd00:1:2:3::/64"))
	require.Equal(t, "fd00:1:2:3:ffff:ffff:ffff:ffff", p.cursor.String())
	require.Equal(t, "fd00:1:2:3::2", take(t, p))
	require.NoError(t, p.Lease(p.last))
	require.Equal(t, "fd00:1:2:3::3", take(t, p))
}

func TestPoolSkip(t *testing.T) {
	p := NewPool(netip.MustParsePrefix("10.0.0.0/29"))
	p.Skip(1)
	require.Equal(t, "10.0.0.3", take(t, p))
	p.Skip(4)
	require.Equal(t, "10.0.0.4", take(t, p), "10.0.0.3 is leased")
}

func TestPoolRejects(t *testing.T) {
	p := NewPool(netip.MustParsePrefix("10.0.0.0/29"))
	for _, addr := range []string{"10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.0.8", "9.255.255.255", "::ffff:10.0.0.2", "fd00::2"} {
		require.ErrorContains(t, p.Lease(netip.MustParseAddr(addr)), addr+" cannot be leased in 10.0.0.0/29")
	}
	require.NoError(t, p.Lease(netip.MustParseAddr("10.0.0.6")))
	require.EqualError(t, p.Lease(netip.MustParseAddr("10.0.0.6")), "10.0.0.6 is leased already")
	require.Len(t, p.leased, 1)
}
