package picture

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// A world is 2^13 addresses of one family.
type world struct{ first netip.Addr }

const worldSize = 1 << 13

func (w world) at(i int) netip.Addr {
	b := w.first.AsSlice()
	b[len(b)-2] += byte(i >> 8)
	b[len(b)-1] = byte(i)
	a, _ := netip.AddrFromSlice(b)
	return a
}

// draw draws a number less than worldSize. Rapid prefers small ones; multiplying scatters
// them (Knuth, The Art of Computer Programming, section 6.4).
func (w world) draw(t *rapid.T, label string) int {
	return int(rapid.Uint32().Draw(t, label) * 2654435769 >> (32 - 13))
}

func (w world) drawSpan(t *rapid.T, label string) allocator.Span {
	a := w.draw(t, label+" from")
	most := rapid.SampledFrom([]int{1, 20, 300, worldSize}).Draw(t, label+" at most")
	return allocator.Span{First: w.at(a), Last: w.at(min(worldSize-1, a+w.draw(t, label+" length")%most))}
}

func (w world) drawRange(t *rapid.T) allocator.Range {
	part := allocator.Span{First: w.at(0), Last: w.at(worldSize - 1)}
	if rapid.Bool().Draw(t, "part") {
		part = w.drawSpan(t, "range")
	}
	spec := allocator.RangeSpec{
		Subnet: netip.PrefixFrom(w.first, w.first.BitLen()-13), First: part.First, Last: part.Last,
		Gateway: w.at(w.draw(t, "gateway")),
	}
	for range rapid.IntRange(0, 3).Draw(t, "exclusions") {
		spec.Exclude = append(spec.Exclude, w.drawSpan(t, "exclude"))
	}
	return newRange(t, spec)
}

// drawLeases draws leases of every kind.
func (w world) drawLeases(t *rapid.T) map[netip.Addr]backend.Lease {
	leases := make(map[netip.Addr]backend.Lease)
	for range rapid.IntRange(0, 4).Draw(t, "runs") {
		run := w.drawSpan(t, "leased")
		step := rapid.SampledFrom([]int{1, 1, 2, 3, 7}).Draw(t, "step")
		kind := lease(run.First)
		kind.Boot = rapid.SampledFrom([]string{"now", "then", ""}).Draw(t, "boot")
		if rapid.Bool().Draw(t, "torn") {
			kind.Owner = backend.Owner{}
		}
		n := 0
		for a := run.First; run.Contains(a); a = a.Next() {
			if n++; n%step == 0 {
				kind.Addr = a
				leases[a] = kind
			}
		}
	}
	return leases
}

// countOneByOne returns the expected counts of a cell.
func countOneByOne(r allocator.Range, whole allocator.Span, leases map[netip.Addr]backend.Lease) (c cell) {
	c.first = whole.First
	for a := whole.First; whole.Contains(a); a = a.Next() {
		if !r.Contains(a) {
			continue
		}
		if !c.span.First.IsValid() {
			c.span.First = a
		}
		c.span.Last = a
		l, leased := leases[a]
		switch {
		case !r.Leasable(a):
			c.withheld++
			if leased {
				c.stray++
			}
			continue
		case !leased:
		case l.Owner.IsZero():
			c.torn++
		case l.Boot == "then":
			c.earlier++
		default:
			c.leased++
		}
		c.leasable++
	}
	if whole.Size() == 1 && r.Contains(whole.First) {
		c.lease = leases[whole.First]
	}
	return c
}

func TestGridAgainstCountingOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{addr(rapid.SampledFrom([]string{"10.0.64.0", "255.255.224.0", "fd00::4000", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:e000"}).Draw(t, "world"))}
		r, leases := w.drawRange(t), w.drawLeases(t)
		p := New("podnet", r, then)
		for _, l := range leases { // in random order
			p.Add(l)
		}
		g := p.grid()

		require.Contains(t, []int{16, 32, 64}, g.width)
		require.LessOrEqual(t, len(g.rows), 32)
		var (
			next = g.span.First
			all  tally
		)
		for _, row := range g.rows {
			require.Len(t, row, g.width)
			for _, c := range row {
				whole := allocator.Span{First: next, Last: next}
				for range 1<<g.shift - 1 {
					whole.Last = whole.Last.Next()
				}
				if want := countOneByOne(r, whole, leases); want != c { // much faster than reflection
					require.Equal(t, want, c)
				}
				all = all.plus(c.tally)
				next = whole.Last.Next()
			}
		}
		require.Equal(t, next, g.span.Last.Next())
		require.Equal(t, p.total(), all, "no lease is missing")
		if !g.zoomed {
			require.True(t, g.span.Contains(r.First()) && g.span.Contains(r.Last()))
		}
	})
}

// A picture shows only a part of the range if all leases would be in one cell of the whole.
func TestGridIsWholeOrZoomed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(0, 128).Draw(t, "bits")
		r := newRange(t, allocator.RangeSpec{Subnet: netip.PrefixFrom(addr("fd00::"), bits).Masked()})
		p := New("podnet", r, then)
		whole := p.grid()
		require.False(t, whole.zoomed)
		require.True(t, whole.span.Contains(r.First()) && whole.span.Contains(r.Last()))
		if whole.shift > 0 {
			finer := grid{width: 64, shift: whole.shift - 1}
			require.False(t, finer.hold(p.whole(), 32), "smaller cells would not fit")
		}
		var inOneCell = map[netip.Prefix]bool{}
		for range rapid.IntRange(1, 3).Draw(t, "leases") {
			b := r.Last().As16()
			for i := bits / 8; i < 16; i++ {
				b[i] &= rapid.SampledFrom([]byte{0, 0, 0, 0, 0, 1, 0xff}).Draw(t, "byte")
			}
			if a := netip.AddrFrom16(b); r.Contains(a) {
				p.Add(lease(a))
				inOneCell[aligned(a, whole.shift)] = true
			}
		}
		g := p.grid()
		require.Equal(t, whole.shift > 0 && len(inOneCell) == 1, g.zoomed)
		if g.zoomed {
			require.Less(t, g.shift, whole.shift)
			require.True(t, g.span.Contains(p.first) && g.span.Contains(p.last))
			require.True(t, p.last == r.Last() || g.span.Contains(p.last.Next()), "the next lease is shown")
		}
	})
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		in                 string
		width, rows, shift int
	}{
		{"10.0.0.0/32", 16, 1, 0},
		{"10.0.0.8/31", 16, 1, 0},
		{"10.0.0.0/28", 16, 1, 0},
		{"10.0.0.0/26", 16, 4, 0},
		{"10.0.0.0/25", 32, 4, 0},
		{"10.0.0.0/24", 32, 8, 0},
		{"10.0.0.0/23", 64, 8, 0},
		{"10.0.0.0/21", 64, 32, 0},
		{"10.0.0.0/20", 64, 32, 1},
		{"10.0.0.0/16", 64, 32, 5},
		{"10.0.0.0/8", 64, 32, 13},
		{"0.0.0.0/0", 64, 32, 21},
		{"255.255.255.255/32", 16, 1, 0},
		{"fd00::/120", 32, 8, 0},
		{"fd00::/64", 64, 32, 53},
		{"::/0", 64, 32, 117},
	} {
		g := New("podnet", subnet(t, c.in), then).grid()
		require.Equal(t, []int{c.width, c.rows, c.shift}, []int{g.width, len(g.rows), g.shift}, c.in)
	}
	across := newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/8"), First: addr("10.0.255.250"), Last: addr("10.1.0.9")})
	g := New("podnet", across, then).grid()
	require.Equal(t, "10.0.255.240-10.1.0.15", g.span.String(), "not the whole /15 around both ends")
}

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		in, first, last string
		want            []string // of the first rows
	}{
		{"10.0.0.0/24", "", "", []string{"10.0.0.0  ", "10.0.0.32 ", "10.0.0.64 "}},
		{"100.100.100.0/22", "", "", []string{"100.100.100.0  ", "100.100.100.64 ", "100.100.100.128"}},
		{"fd00::/120", "", "", []string{"fd00::  ", "fd00::20"}},
		{"fd00::/64", "", "", []string{"…:0000::", "…:0800::"}},
		{"2001:db8:1234:5678::/120", "", "", []string{"…:0000", "…:0020"}},
		{"2001:db8:1234:5678::/64", "", "", []string{"…:0000::", "…:0800::", "…:1000::"}},
		{"2001:db8:1234:5678::/110", "", "", []string{"…:0000:0000", "…:0000:2000", "…:0000:4000"}},
		{"2001:db8:1234:5678::/64", "2001:db8:1234:5678::1:ffe0", "2001:db8:1234:5678::2:3f", []string{"…:0001:ffe0", "…:0002:0000", "…:0002:0020"}},
		{"8000::/1", "", "", []string{"8000::", "8400::"}},
	} {
		spec := allocator.RangeSpec{Subnet: netip.MustParsePrefix(c.in)}
		if c.first != "" {
			spec.First, spec.Last = addr(c.first), addr(c.last)
		}
		got := New("podnet", newRange(t, spec), then).grid().labels()
		require.Equal(t, c.want, got[:len(c.want)], c.in)
		for _, s := range got {
			require.LessOrEqual(t, len([]rune(s)), 15)
		}
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(got))), len(got), "labels are unique")
	}
}
