package picture

import (
	"math"
	"math/bits"
	"net/netip"
	"sort"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

const maxWidth, maxRows = 64, 32

// A grid is the layout of a Picture: rows of cells, each of 1<<shift addresses.
type grid struct {
	width, shift int
	rows         [][]cell
	span         allocator.Span // of all cells, including cells outside the range
	zoomed       bool           // the range has addresses outside span
}

// A cell is a run of addresses.
type cell struct {
	first    netip.Addr     // of the cell, even if it is outside the range
	span     allocator.Span // the addresses of the range in the cell; can be zero
	leasable uint64         // addresses that can be leased
	withheld uint64         // the other addresses of span

	// elsewhere counts the leasable addresses that other hosts can hold: see [Picture.SetHeld].
	elsewhere uint64

	tally
	lease backend.Lease // of the only address of the cell; can be zero
}

// free counts the addresses that can be leased now.
func (c cell) free() uint64 { return minus(minus(c.leasable, c.taken()+c.cooling), c.freeElsewhere()) }

// freeElsewhere counts the addresses that neither have a lease here nor can get one.
func (c cell) freeElsewhere() uint64 { return minus(c.elsewhere, c.notHeld) }

// grid lays out the picture.
func (p *Picture) grid() *grid {
	whole := p.whole()
	g := fit(whole)
	if near := p.neighbourhood(g.shift); near != whole {
		g = fit(near)
		g.zoomed = true
	}
	f := p.filler(g.shift)
	for _, row := range g.rows {
		f.fill(row)
	}
	return g
}

// A filler counts the addresses of cells.
type filler struct {
	whole               allocator.Span
	spans, holes, other []allocator.Span // leasable, withheld, and leasable by other hosts
	shift               int
	blocks              map[netip.Addr]block
}

func (p *Picture) filler(shift int) filler {
	f := filler{p.whole(), p.r.Spans(), p.r.Holes(), nil, shift, coarsen(p.blocks, shift)}
	if p.shared {
		for _, s := range f.spans {
			f.other = append(f.other, s.Without(p.held)...)
		}
	}
	return f
}

// fill counts the addresses of a row.
func (f filler) fill(row []cell) {
	for i := range row {
		c := &row[i]
		c.span = f.whole.Intersect(allocator.SpanOf(aligned(c.first, f.shift)))
		c.leasable, c.withheld, c.elsewhere = overlap(c.span, f.spans), overlap(c.span, f.holes), overlap(c.span, f.other)
		b := f.blocks[c.first]
		c.tally, c.lease = b.tally, b.lease
	}
}

func (p *Picture) whole() allocator.Span {
	return allocator.Span{First: p.r.First(), Last: p.r.Last()}
}

// neighbourhood returns the part of the range to draw: the whole, unless all leases would
// be in one cell and so could not be told apart.
func (p *Picture) neighbourhood(shift int) allocator.Span {
	whole := p.whole()
	if shift == 0 || !p.first.IsValid() || aligned(p.first, shift) != aligned(p.last, shift) {
		return whole
	}
	// Include the address after the last lease, which is usually leased next. Eight bits
	// make a useful picture.
	const room = 8
	last := p.last
	if last != whole.Last {
		last = last.Next()
	}
	return allocator.Span{
		First: allocator.SpanOf(aligned(p.first, room)).First,
		Last:  allocator.SpanOf(aligned(last, room)).Last,
	}
}

// fit returns an empty grid for a span. Small spans have short rows; large ones have the
// smallest cells that fit into the grid.
func fit(span allocator.Span) *grid {
	for _, small := range []struct{ width, rows int }{{16, 4}, {32, 8}} {
		if g := (&grid{width: small.width}); g.hold(span, small.rows) {
			return g
		}
	}
	for g := (&grid{width: maxWidth}); ; g.shift++ {
		if g.hold(span, maxRows) {
			return g
		}
	}
}

// rowBits returns the number of bits in which the addresses of a row differ.
func (g *grid) rowBits() int { return g.shift + bits.Len(uint(g.width)) - 1 }

// hold gives g rows for the span, unless it needs more than limit. Rows are aligned, so
// that they begin at round addresses.
func (g *grid) hold(span allocator.Span, limit int) bool {
	row := allocator.SpanOf(aligned(span.First, g.rowBits()))
	starts := []netip.Addr{row.First}
	for row.Last.Less(span.Last) {
		if len(starts) == limit {
			return false
		}
		row = allocator.SpanOf(aligned(row.Last.Next(), g.rowBits()))
		starts = append(starts, row.First)
	}
	g.span = allocator.Span{First: starts[0], Last: row.Last}
	for _, first := range starts {
		g.rows = append(g.rows, g.row(first))
	}
	return true
}

// row returns a row of empty cells.
func (g *grid) row(first netip.Addr) []cell {
	row := make([]cell, g.width)
	for i := range row {
		row[i].first = first
		first = allocator.SpanOf(aligned(first, g.shift)).Last.Next()
	}
	return row
}

// overlap counts the addresses of s that are in the spans, which must be ascending and
// disjoint.
func overlap(s allocator.Span, spans []allocator.Span) (n uint64) {
	i := sort.Search(len(spans), func(i int) bool { return !spans[i].Last.Less(s.First) })
	for _, other := range spans[i:] {
		size := s.Intersect(other).Size()
		if size == 0 {
			break
		}
		n = sum(n, size)
	}
	return n
}

// sum returns a+b, at most math.MaxUint64.
func sum(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// minus returns a-b, or math.MaxUint64, which means "or more", if a is that.
func minus(a, b uint64) uint64 {
	if a == math.MaxUint64 {
		return a
	}
	return a - b
}
