package allocator_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
)

func optional(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return addr(s)
}

func newRange(t *testing.T, s allocator.RangeSpec) allocator.Range {
	t.Helper()
	r, err := allocator.NewRange(s)
	require.NoError(t, err)
	return r
}

func subnet(t *testing.T, s string) allocator.Range {
	t.Helper()
	return newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix(s)})
}

func TestNewRange(t *testing.T) {
	for _, c := range []struct {
		subnet, first, last, gateway string
		wantText, wantGateway        string
		wantSize                     uint64
	}{
		{"10.1.2.0/24", "", "", "", "10.1.2.1-10.1.2.254", "10.1.2.1", 253},
		{"10.1.2.0/30", "", "", "", "10.1.2.1-10.1.2.2", "10.1.2.1", 1},
		{"0.0.0.0/0", "", "", "", "0.0.0.1-255.255.255.254", "0.0.0.1", math.MaxUint32 - 2},
		{"10.1.2.0/24", "10.1.2.0", "10.1.2.255", "", "10.1.2.0-10.1.2.255", "10.1.2.1", 255},
		{"10.1.2.0/24", "10.1.2.5", "10.1.2.5", "", "10.1.2.5-10.1.2.5", "10.1.2.1", 1},
		{"10.1.2.0/24", "10.1.2.5", "10.1.2.9", "10.1.2.7", "10.1.2.5-10.1.2.9", "10.1.2.7", 4},
		{"10.1.2.0/24", "", "", "192.168.0.1", "10.1.2.1-10.1.2.254", "192.168.0.1", 254},
		{"10.1.2.0/24", "", "", "fe80::1", "10.1.2.1-10.1.2.254", "fe80::1", 254},
		{"10.1.2.0/24", "::ffff:10.1.2.5", "::ffff:10.1.2.9", "::ffff:10.1.2.7", "10.1.2.5-10.1.2.9", "10.1.2.7", 4},
		{"10.1.2.2/31", "", "", "", "10.1.2.2-10.1.2.3", "", 2},
		{"10.1.2.2/31", "", "", "10.1.2.2", "10.1.2.2-10.1.2.3", "10.1.2.2", 1},
		{"10.1.2.3/32", "", "", "", "10.1.2.3-10.1.2.3", "", 1},
		{"255.255.255.255/32", "", "", "", "255.255.255.255-255.255.255.255", "", 1},
		{"fd00::/126", "", "", "", "fd00::1-fd00::3", "fd00::1", 2},
		{"fd00::2/127", "", "", "", "fd00::2-fd00::3", "", 2},
		{"fd00::3/128", "", "", "", "fd00::3-fd00::3", "", 1},
		{"fd00::3/128", "", "", "fd00::3", "fd00::3-fd00::3", "fd00::3", 0},
		{"fd00::/64", "", "", "", "fd00::1-fd00::ffff:ffff:ffff:ffff", "fd00::1", math.MaxUint64 - 1},
		{"fd00::/48", "", "", "", "fd00::1-fd00::ffff:ffff:ffff:ffff:ffff", "fd00::1", math.MaxUint64},
		// Without the 2^32 mapped IPv4 addresses.
		{"::/80", "", "", "", "::1-::ffff:255.255.255.255", "::1", 0xffff_0000_0000 - 2},
	} {
		r := newRange(t, allocator.RangeSpec{
			Subnet: netip.MustParsePrefix(c.subnet), First: optional(c.first), Last: optional(c.last), Gateway: optional(c.gateway),
		})
		require.Equal(t, c.subnet, r.Subnet().String())
		require.Equal(t, c.wantText, r.String())
		require.Equal(t, c.wantText, r.First().String()+"-"+r.Last().String())
		require.Equal(t, optional(c.wantGateway), r.Gateway(), r)
		require.Equal(t, c.wantSize, r.Size(), r)
	}
}

func TestNewRangeRejects(t *testing.T) {
	for _, c := range []struct{ subnet, first, last, gateway, want string }{
		{"10.1.2.3/24", "", "", "", "Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0"},
		{"fd00::1/64", "", "", "", "Network has host bits set. For a subnet mask of length 64 the network address is fd00::"},
		{"::ffff:10.0.0.0/120", "", "", "", "IPNet IP and Mask version mismatch"},
		{"10.1.2.0/24", "10.1.3.0", "", "", "RangeStart 10.1.3.0 not in network 10.1.2.0/24"},
		{"10.1.2.0/24", "fd00::1", "", "", "RangeStart fd00::1 not in network 10.1.2.0/24"},
		{"10.1.2.0/24", "", "10.1.3.0", "", "RangeEnd 10.1.3.0 not in network 10.1.2.0/24"},
		{"fd00::/64", "", "fd00:0:0:1::", "", "RangeEnd fd00:0:0:1:: not in network fd00::/64"},
		{"10.1.2.0/24", "10.1.2.9", "10.1.2.5", "", "RangeStart 10.1.2.9 is after RangeEnd 10.1.2.5 in network 10.1.2.0/24"},
		{"10.1.2.0/24", "10.1.2.255", "", "", "RangeStart 10.1.2.255 is after RangeEnd 10.1.2.254 in network 10.1.2.0/24"},
		{"10.1.2.0/24", "", "10.1.2.0", "", "RangeEnd 10.1.2.0 not in network 10.1.2.0/24 from RangeStart 10.1.2.1 on"},
		{"fd00::/64", "", "", "fe80::1%eth0", "gateway fe80::1%eth0 has a zone"},
	} {
		_, err := allocator.NewRange(allocator.RangeSpec{
			Subnet: netip.MustParsePrefix(c.subnet), First: optional(c.first), Last: optional(c.last), Gateway: optional(c.gateway),
		})
		require.ErrorContains(t, err, c.want)
	}
	_, err := allocator.NewRange(allocator.RangeSpec{})
	require.EqualError(t, err, "subnet is not set")

	ten := netip.MustParsePrefix("10.1.2.0/24")
	_, err = allocator.NewRange(allocator.RangeSpec{Subnet: ten, NoGateway: true, Gateway: addr("10.1.2.1")})
	require.EqualError(t, err, "gateway 10.1.2.1 is named, but the range has no gateway")

	backwards := allocator.Span{First: addr("10.1.2.9"), Last: addr("10.1.2.3")}
	for _, s := range []allocator.Span{{}, backwards, {First: addr("10.1.2.9"), Last: addr("fd00::")}} {
		_, err = allocator.NewRange(allocator.RangeSpec{Subnet: ten, Exclude: []allocator.Span{s}})
		require.ErrorContains(t, err, "excluded range: ")
	}
}

func TestRangeLeasable(t *testing.T) {
	for _, c := range []struct {
		name     string
		spec     allocator.RangeSpec
		exclude  []string
		leasable []string
	}{
		{
			name:     "without a gateway the first address can be leased",
			spec:     allocator.RangeSpec{NoGateway: true},
			leasable: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"},
		},
		{
			name:     "unsorted, overlapping, touching, repeated",
			exclude:  []string{"10.0.0.5", "10.0.0.3-10.0.0.4", "10.0.0.4-10.0.0.5", "10.0.0.5"},
			leasable: []string{"10.0.0.2", "10.0.0.6"},
		},
		{
			name:     "one inside another",
			exclude:  []string{"10.0.0.2-10.0.0.5", "10.0.0.3"},
			leasable: []string{"10.0.0.6"},
		},
		{
			name:     "around the gateway",
			spec:     allocator.RangeSpec{Gateway: addr("10.0.0.4")},
			exclude:  []string{"10.0.0.3", "10.0.0.5"},
			leasable: []string{"10.0.0.1", "10.0.0.2", "10.0.0.6"},
		},
		{
			name:     "beyond both ends",
			exclude:  []string{"9.0.0.0-10.0.0.2", "10.0.0.6-11.0.0.0"},
			leasable: []string{"10.0.0.3", "10.0.0.4", "10.0.0.5"},
		},
		{
			name:     "outside the range and of the other family",
			exclude:  []string{"10.0.0.7", "10.0.0.0", "9.0.0.0/8", "11.0.0.0/8", "::/0"},
			leasable: []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"},
		},
		{
			name:    "everything",
			exclude: []string{"0.0.0.0/0"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.Subnet = netip.MustParsePrefix("10.0.0.0/29")
			for _, e := range c.exclude {
				c.spec.Exclude = append(c.spec.Exclude, span(t, e))
			}
			r := newRange(t, c.spec)
			var leasable []string
			for a := addr("9.255.255.250"); a.Less(addr("10.0.0.20")); a = a.Next() {
				if r.Leasable(a) {
					require.True(t, r.Contains(a))
					leasable = append(leasable, a.String())
				}
			}
			require.Equal(t, c.leasable, leasable)
			require.EqualValues(t, len(c.leasable), r.Size())
			require.False(t, r.Leasable(addr("::1")))
			require.False(t, r.Leasable(netip.Addr{}))
		})
	}
}

func TestRangeAtTheLastAddress(t *testing.T) {
	all := "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	r := newRange(t, allocator.RangeSpec{
		Subnet:  netip.MustParsePrefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124"),
		Exclude: []allocator.Span{{First: addr(all), Last: addr(all)}},
	})
	require.EqualValues(t, 13, r.Size())
	require.True(t, r.Leasable(addr(all).Prev()))
	require.False(t, r.Leasable(addr(all)))
}

func TestRangeDoesNotAliasItsSpec(t *testing.T) {
	exclude := []allocator.Span{span(t, "10.0.0.5"), span(t, "10.0.0.3")}
	r := newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/29"), Exclude: exclude})
	require.Equal(t, "10.0.0.5", exclude[0].String(), "the caller's order stays")
	exclude[0] = span(t, "10.0.0.2")
	require.True(t, r.Leasable(addr("10.0.0.2")))
}
