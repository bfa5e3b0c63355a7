package allocator_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
)

var addr = netip.MustParseAddr

func span(t *testing.T, s string) allocator.Span {
	t.Helper()
	sp, err := allocator.ParseSpan(s)
	require.NoError(t, err)
	return sp
}

func TestParseSpan(t *testing.T) {
	for _, c := range []struct{ in, first, last, text string }{
		{"10.0.0.7", "10.0.0.7", "10.0.0.7", "10.0.0.7"},
		{"10.0.0.7-10.0.0.9", "10.0.0.7", "10.0.0.9", "10.0.0.7-10.0.0.9"},
		{"10.0.0.7-10.0.0.7", "10.0.0.7", "10.0.0.7", "10.0.0.7"},
		{"10.0.0.0/28", "10.0.0.0", "10.0.0.15", "10.0.0.0-10.0.0.15"},
		{"10.0.0.3/32", "10.0.0.3", "10.0.0.3", "10.0.0.3"},
		{"10.0.0.2/31", "10.0.0.2", "10.0.0.3", "10.0.0.2-10.0.0.3"},
		{"0.0.0.0/0", "0.0.0.0", "255.255.255.255", "0.0.0.0-255.255.255.255"},
		{"fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff", "fd00::-fd00::ffff:ffff:ffff:ffff"},
		{"fd00::1-fd00::ff", "fd00::1", "fd00::ff", "fd00::1-fd00::ff"},
		{"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	} {
		s := span(t, c.in)
		require.Equal(t, allocator.Span{First: addr(c.first), Last: addr(c.last)}, s, c.in)
		require.Equal(t, c.text, s.String())
		require.Equal(t, s, span(t, s.String()), "ParseSpan reads what String writes")
	}
}

func TestParseSpanRejects(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "want an address",
		"10.0.0":                    "want an address",
		"10.0.0.1-":                 "want an address",
		"-10.0.0.1":                 "want an address",
		"10.0.0.1-10.0.0.2-10.0.0.": "want an address",
		"10.0.0.1/33":               "want a network",
		"10.0.0.1/24-10.0.0.9":      "want a network",
		"10.1.2.3/24":               "host bits are set; the network is 10.1.2.0/24",
		"fd00::1/64":                "host bits are set; the network is fd00::/64",
		"10.0.0.9-10.0.0.7":         "10.0.0.9 comes after 10.0.0.7",
		"10.0.0.1-fd00::1":          "different families",
		"fe80::1%eth0":              "has a zone",
		"::ffff:10.0.0.1":           "use 10.0.0.1",
		"10.0.0.1-::ffff:10.0.0.2":  "use 10.0.0.2",
		"::ffff:10.0.0.0/120":       "use 10.0.0.0",
	} {
		s, err := allocator.ParseSpan(in)
		require.ErrorContains(t, err, want, in)
		require.ErrorContains(t, err, `"`+in+`"`)
		require.Zero(t, s)
	}
}

func TestSpanContains(t *testing.T) {
	four, six := span(t, "10.0.0.7-10.0.0.9"), span(t, "fd00::7-fd00::9")
	for in, want := range map[string]bool{
		"10.0.0.6": false, "10.0.0.7": true, "10.0.0.8": true, "10.0.0.9": true, "10.0.0.10": false,
		"fd00::8": false, "::": false, "ffff::": false,
	} {
		require.Equal(t, want, four.Contains(addr(in)), in)
	}
	for in, want := range map[string]bool{
		"fd00::6": false, "fd00::7": true, "fd00::9": true, "fd00::a": false,
		"10.0.0.8": false, "255.255.255.255": false,
	} {
		require.Equal(t, want, six.Contains(addr(in)), in)
	}
	require.False(t, four.Contains(netip.Addr{}))
	require.False(t, allocator.Span{}.Contains(netip.Addr{}))
	require.False(t, allocator.Span{}.Contains(addr("10.0.0.1")))
}

// At both ends of both families, where an address has no next or previous one.
func TestSpanSetOperations(t *testing.T) {
	for _, first := range []string{"0.0.0.0", "255.255.255.252", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc"} {
		addrs := []netip.Addr{addr(first)}
		for len(addrs) < 4 {
			addrs = append(addrs, addrs[len(addrs)-1].Next())
		}
		spans := []allocator.Span{{}}
		for i, first := range addrs {
			for _, last := range addrs[i:] {
				spans = append(spans, allocator.Span{First: first, Last: last})
			}
		}
		for _, a := range spans {
			for _, b := range spans {
				requireSetOperations(t, addrs, a, b)
			}
		}
	}
}

func requireSetOperations(t *testing.T, addrs []netip.Addr, a, b allocator.Span) {
	rest := a.Without([]allocator.Span{b})
	require.NotContains(t, rest, allocator.Span{}, "%s without %s", a, b)
	for _, addr := range addrs {
		both := a.Contains(addr) && b.Contains(addr)
		require.Equal(t, both, a.Intersect(b).Contains(addr), "%s and %s: %s", a, b, addr)
		left := slices.ContainsFunc(rest, func(s allocator.Span) bool { return s.Contains(addr) })
		require.Equal(t, a.Contains(addr) && !both, left, "%s without %s: %s", a, b, addr)
	}
}
