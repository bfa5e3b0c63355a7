package picture

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

var addr = netip.MustParseAddr

func span(t require.TestingT, s string) allocator.Span {
	sp, err := allocator.ParseSpan(s)
	require.NoError(t, err)
	return sp
}

func newRange(t require.TestingT, spec allocator.RangeSpec) allocator.Range {
	r, err := allocator.NewRange(spec)
	require.NoError(t, err)
	return r
}

// subnet returns the range of a subnet without the excluded addresses.
func subnet(t require.TestingT, in string, exclude ...string) allocator.Range {
	spec := allocator.RangeSpec{Subnet: netip.MustParsePrefix(in)}
	for _, e := range exclude {
		spec.Exclude = append(spec.Exclude, span(t, e))
	}
	return newRange(t, spec)
}

// then reports whether a lease is from the earlier boot "then".
func then(l backend.Lease) bool { return l.Boot == "then" }

// never reports that no lease is from an earlier boot.
func never(backend.Lease) bool { return false }

// lease returns a container's lease from the present boot.
func lease(a netip.Addr) backend.Lease {
	return backend.Lease{Addr: a, Owner: backend.Owner{ContainerID: "4f2d9c", IfName: "eth0"}, Boot: "now"}
}

func TestAddAllStopsAfterRange(t *testing.T) {
	var read int
	leases := func(yield func(backend.Lease, error) bool) {
		for a := addr("10.0.0.250"); ; a = a.Next() {
			read++
			if !yield(lease(a), nil) {
				return
			}
		}
	}
	p := New("podnet", subnet(t, "10.0.1.0/28"), then)
	require.NoError(t, p.AddAll(leases))
	require.Equal(t, tally{leased: 13, stray: 1}, p.total())
	require.Equal(t, 22, read, "from the network address to the broadcast address")
}

func TestAddAllFails(t *testing.T) {
	broken := errors.New("broken")
	p := New("podnet", subnet(t, "10.0.1.0/28"), then)
	require.ErrorIs(t, p.AddAll(func(yield func(backend.Lease, error) bool) {
		_ = yield(lease(addr("10.0.1.2")), nil) && yield(backend.Lease{}, broken)
	}), broken)
}

func TestLeasesAreCountedOnce(t *testing.T) {
	p := New("podnet", subnet(t, "10.0.0.0/24", "10.0.0.9"), then)
	before, unknown := lease(addr("10.0.0.3")), lease(addr("10.0.0.4"))
	before.Boot, unknown.Boot = "then", ""
	for _, l := range []backend.Lease{
		lease(addr("10.0.0.2")), before, unknown,
		{Addr: addr("10.0.0.5")}, {Addr: addr("10.0.0.6"), Boot: "then"}, // torn
		lease(addr("10.0.0.1")), lease(addr("10.0.0.9")), // withheld
		lease(addr("10.0.0.0")), lease(addr("10.0.0.255")), lease(addr("fd00::1")), // outside the range
	} {
		p.Add(l)
	}
	require.Equal(t, tally{leased: 2, earlier: 1, torn: 2, stray: 2}, p.total())

	p = New("podnet", subnet(t, "10.0.0.0/24"), never)
	p.Add(before)
	require.Equal(t, tally{leased: 1}, p.total(), "by the function given to New")
}

func TestStates(t *testing.T) {
	some := allocator.Span{First: addr("10.0.0.0"), Last: addr("10.0.0.31")}
	for _, c := range []struct {
		cell cell
		want state
	}{
		{cell{}, outside},
		{cell{span: some, leasable: 32}, open},
		{cell{span: some, leasable: 31, withheld: 1}, open},
		{cell{span: some, withheld: 32}, withheld},
		{cell{span: some, withheld: 32, tally: tally{stray: 3}}, withheld},
		{cell{span: some, leasable: 30, tally: tally{leased: 1}}, sparse},
		{cell{span: some, leasable: 30, tally: tally{leased: 9}}, sparse},
		{cell{span: some, leasable: 30, tally: tally{leased: 10}}, halfway},
		{cell{span: some, leasable: 30, tally: tally{leased: 19}}, halfway},
		{cell{span: some, leasable: 30, tally: tally{leased: 20}}, dense},
		{cell{span: some, leasable: 30, tally: tally{leased: 29}}, dense},
		{cell{span: some, leasable: 30, tally: tally{leased: 30}}, full},
		{cell{span: some, leasable: 30, tally: tally{leased: 15, earlier: 10, torn: 5}}, full},
		{cell{span: some, leasable: 30, tally: tally{leased: 2, earlier: 3}}, earlier},
		{cell{span: some, leasable: 30, tally: tally{leased: 3, earlier: 3}}, sparse},
		{cell{span: some, leasable: 30, tally: tally{leased: 2, torn: 3}}, torn},
		{cell{span: some, leasable: 30, tally: tally{leased: 3, torn: 2}}, sparse},
		{cell{span: some, leasable: 30, tally: tally{torn: 30}}, torn},
		{cell{span: some, leasable: math.MaxUint64, tally: tally{leased: 1}}, sparse},
	} {
		require.Equal(t, c.want, c.cell.state(), "%+v", c.cell)
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 999: "999", 1000: "1,000", 16777213: "16,777,213", 1 << 39: "549,755,813,888",
		1 << 40: "about 2^40", 3 << 40: "about 2^41.6", math.MaxUint64 - 1: "about 2^64", math.MaxUint64: "2^64 or more",
	} {
		require.Equal(t, want, number(n))
	}
}

func TestCaptionNamesTheRange(t *testing.T) {
	for _, c := range []struct {
		r    allocator.Range
		want string
	}{
		{subnet(t, "10.0.0.0/24"), "podnet, 10.0.0.0/24: 0 of 253 addresses leased; one to a cell"},
		{subnet(t, "10.0.0.0/8"), "podnet, 10.0.0.0/8: 0 of 16,777,213 addresses leased; 8,192 to a cell"},
		{subnet(t, "fd00::/64"), "podnet, fd00::/64: 0 of about 2^64 addresses leased; 2^53 to a cell"},
		{subnet(t, "fd00::/48"), "podnet, fd00::/48: 0 of 2^64 or more addresses leased; 2^69 to a cell"},
		{
			newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/16"), First: addr("10.0.3.0"), Last: addr("10.0.3.255")}),
			"podnet, 10.0.3.0-10.0.3.255 of 10.0.0.0/16: 0 of 256 addresses leased; one to a cell",
		},
	} {
		p := New("podnet", c.r, then)
		require.Equal(t, []string{c.want}, p.caption(p.grid()))
	}
}

func TestCaptionOfZoomedGrid(t *testing.T) {
	for _, c := range []struct {
		r           allocator.Range
		first, last string // of the leases
		want        string
	}{
		{subnet(t, "fd00::/64"), "fd00::2", "fd00::2", "all leases are in fd00::/120, which is shown; the rest is free"},
		{subnet(t, "fd00::/64"), "fd00::2", "fd00::3e8", "all leases are in fd00::/118, which is shown; the rest is free"},
		// There is room for the next lease.
		{subnet(t, "fd00::/64"), "fd00::2", "fd00::3ff", "all leases are in fd00::-fd00::4ff, which is shown; the rest is free"},
		{subnet(t, "fd00::/64"), "fd00::1fff:ffff", "fd00::2000:0", "all leases are in fd00::1fff:ff00-fd00::2000:ff, which is shown; the rest is free, except 1 withheld"},
		{subnet(t, "10.0.0.0/8"), "10.0.0.2", "10.0.0.99", "all leases are in 10.0.0.0/24, which is shown; the rest is free"},
		{subnet(t, "10.0.0.0/8", "10.7.0.0/16", "10.0.0.8-10.0.1.7"), "10.0.0.2", "10.0.0.2",
			"all leases are in 10.0.0.0/24, which is shown; the rest is free, except 65,544 withheld"},
		{subnet(t, "10.0.0.0/8"), "10.0.0.2", "10.200.0.0", ""},
		{subnet(t, "10.0.0.0/21"), "10.0.0.2", "10.0.0.2", ""}, // a cell is one address
		{subnet(t, "10.0.0.0/8"), "10.255.255.254", "10.255.255.254", "all leases are in 10.255.255.0/24, which is shown; the rest is free, except 1 withheld"},
		{subnet(t, "::/0"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"all leases are in ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120, which is shown; the rest is free, except 4,294,967,297 withheld"},
	} {
		p := New("podnet", c.r, then)
		p.Add(lease(addr(c.first)))
		if c.first != c.last {
			p.Add(lease(addr(c.last)))
		}
		got := p.caption(p.grid())[1:]
		if c.want == "" {
			require.Empty(t, got)
		} else {
			require.Equal(t, []string{c.want}, got)
		}
	}
}

func TestTitles(t *testing.T) {
	p := New("podnet", subnet(t, "10.0.0.0/28", "10.0.0.9-10.0.0.11"), then)
	known := lease(addr("10.0.0.2"))
	known.Pod = backend.Pod{Namespace: "default", Name: "web"}
	known.Since = time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	before, strayed := lease(addr("10.0.0.3")), lease(addr("10.0.0.10"))
	before.Boot = "then"
	for _, l := range []backend.Lease{known, before, {Addr: addr("10.0.0.4")}, strayed, {Addr: addr("10.0.0.11")}} {
		p.Add(l)
	}
	got := make(map[string]string)
	for _, c := range p.grid().rows[0] {
		got[c.first.String()] = p.title(c)
	}
	for a, want := range map[string]string{
		"10.0.0.1":  "gateway",
		"10.0.0.2":  "leased to 4f2d9c (eth0), pod default/web, since 2026-01-02 02:04:05 UTC",
		"10.0.0.3":  "leased in an earlier boot to 4f2d9c (eth0)",
		"10.0.0.4":  "torn",
		"10.0.0.5":  "free",
		"10.0.0.9":  "excluded",
		"10.0.0.10": "excluded, but leased to 4f2d9c (eth0)",
		"10.0.0.11": "excluded, but leased",
	} {
		require.Equal(t, a+": "+want, got[a])
	}

	p = New("podnet", subnet(t, "10.0.0.0/16", "10.0.0.16-10.0.0.40"), then)
	for i := range 10 {
		l := lease(netip.AddrFrom4([4]byte{10, 0, 0, byte(8 + i)}))
		if i == 2 {
			l.Boot = "then"
		}
		if i == 3 {
			l.Owner = backend.Owner{}
		}
		p.Add(l)
	}
	p.Add(lease(addr("10.0.99.0")))
	row := p.grid().rows[0]
	require.Equal(t, "10.0.0.1-10.0.0.31: 6 leased, 1 leased in an earlier boot, 1 torn, 6 free, 17 withheld, 2 of them leased anyway", p.title(row[0]))
	require.Equal(t, "10.0.0.64-10.0.0.95: 32 free", p.title(row[2]))
}

// Saturated counts must not lead to "nothing free".
func TestCountsSaturate(t *testing.T) {
	p := New("podnet", subnet(t, "fd00::/48", "fd00:0:0:8::"), then)
	p.Add(lease(addr("fd00::2")))
	p.Add(lease(addr("fd00:0:0:ffff::")))
	g := p.grid()
	require.Equal(t, "podnet, fd00::/48: 2 of 2^64 or more addresses leased; 2^69 to a cell", p.caption(g)[0])
	require.Equal(t, "2^64 or more free", p.legend(g)[0].text)
	require.Equal(t, "fd00::1-fd00::1f:ffff:ffff:ffff:ffff: 1 leased, 2^64 or more free, 2 withheld", p.title(g.rows[0][0]))
}

// More leases than cells are merged as they are added, in any order.
func TestManyLeases(t *testing.T) {
	for _, step := range []int{1, 257} { // both odd, so every address is added
		p := New("podnet", subnet(t, "10.0.0.0/16"), then)
		for i := range 1 << 16 {
			if n := uint16(i * step); n%64 < 32 {
				p.Add(lease(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})))
			}
			require.LessOrEqual(t, len(p.blocks), maxWidth*maxRows)
		}
		for _, row := range p.grid().rows {
			for x, c := range row {
				require.Equal(t, []state{full, open}[x%2], c.state(), fmt.Sprint(c.span))
				require.Zero(t, c.lease)
			}
		}
	}
}
