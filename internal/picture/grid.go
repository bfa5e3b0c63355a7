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

// A grid is a Picture that is ready to be drawn: rows of cells, each of 1<<shift
// addresses.
type grid struct {
	width, shift int
	rows         [][]cell
	span         allocator.Span // of all cells, also of those outside of the range
	zoomed       bool           // there are addresses of the range outside of span
}

// A cell is a run of addresses.
type cell struct {
	first    netip.Addr     // of the cell, even if that lies outside of the range
	span     allocator.Span // what the cell has of the range; zero: nothing
	leasable uint64         // addresses that can be leased
	withheld uint64         // the others of the span
	tally
	lease backend.Lease // of the one address of the cell; zero: none
}

func (c cell) free() uint64 { return minus(c.leasable, c.taken()) }

// grid lays out the picture.
func (p *Picture) grid() *grid {
	whole := p.whole()
	g := fit(whole)
	if near := p.neighbourhood(g.shift); near != whole {
		g = fit(near)
		g.zoomed = true
	}
	spans, holes := p.r.Spans(), p.r.Holes()
	blocks := coarsen(p.blocks, g.shift)
	for _, row := range g.rows {
		for i := range row {
			c := &row[i]
			c.span = common(allocator.SpanOf(aligned(c.first, g.shift)), whole)
			c.leasable, c.withheld = overlap(c.span, spans), overlap(c.span, holes)
			b := blocks[c.first]
			c.tally, c.lease = b.tally, b.lease
		}
	}
	return g
}

func (p *Picture) whole() allocator.Span {
	return allocator.Span{First: p.r.First(), Last: p.r.Last()}
}

// neighbourhood returns the part of the range that is to be drawn. That is the whole,
// unless all leases would lie in one cell of it and so could not be told apart.
func (p *Picture) neighbourhood(shift int) allocator.Span {
	whole := p.whole()
	if shift == 0 || !p.first.IsValid() || aligned(p.first, shift) != aligned(p.last, shift) {
		return whole
	}
	// The next address to be leased is mostly the one after the last, and eight
	// bits make a picture that is worth looking at.
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

// fit returns an empty grid for a span: small ones are drawn in short rows, and large
// ones in the smallest cells of which there are not too many.
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

// hold gives g rows for the span, unless these are more than limit. Rows are aligned, so
// that the addresses they begin with are round.
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

// common returns the addresses that are in both spans.
func common(a, b allocator.Span) allocator.Span {
	if a.First.Less(b.First) {
		a.First = b.First
	}
	if b.Last.Less(a.Last) {
		a.Last = b.Last
	}
	if a.Last.Less(a.First) {
		return allocator.Span{}
	}
	return a
}

// overlap counts the addresses of s that are in one of the spans, which are in
// ascending order and apart from each other.
func overlap(s allocator.Span, spans []allocator.Span) (n uint64) {
	i := sort.Search(len(spans), func(i int) bool { return !spans[i].Last.Less(s.First) })
	for _, other := range spans[i:] {
		size := common(s, other).Size()
		if size == 0 {
			break
		}
		n = sum(n, size)
	}
	return n
}

// sum adds, but stays at the most that can be counted.
func sum(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// minus subtracts, but from more than can be counted nothing.
func minus(a, b uint64) uint64 {
	if a == math.MaxUint64 {
		return a
	}
	return a - b
}
