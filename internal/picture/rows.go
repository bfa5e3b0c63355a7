package picture

import (
	"math/bits"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// A Look is how a cell appears, for programs that draw the cells of [Picture.Rows] themselves.
type Look struct {
	Name        string // of its class in an SVG
	Glyph       rune   // without colours
	RGB         string // on a terminal with millions of colours; it suits any background
	ANSI        int    // on a terminal with sixteen
	Light, Dark string // RGB on a light and on a dark background
	Means       string // of a cell
}

// Looks returns all looks except the one of cells outside the range. Their places are the numbers
// of [Cell.Look].
func Looks() []Look {
	means := [...]string{
		open:      "free",
		sparse:    "under 1/3 leased",
		halfway:   "under 2/3 leased",
		dense:     "not all leased",
		full:      "leased",
		earlier:   "leased in an earlier boot",
		torn:      "torn: the owner is unknown",
		withheld:  "withheld: gateway or excluded",
		cooling:   "cooling since its release",
		elsewhere: "not held by this host",
	}
	var all []Look
	for s := open; s < states; s++ {
		l := s.look()
		all = append(all, Look{l.class, l.glyph, l.rgb, l.ansi, l.light, l.dark, means[s]})
	}
	return all
}

// Outside is the [Cell.Look] of cells without an address of the range.
const Outside = -1

// A Cell is a run of addresses.
type Cell struct {
	Span allocator.Span // the addresses of the range in the cell; can be zero
	Look int            // an index into [Looks], or Outside

	// Leased to Withheld count the addresses of the span, each once.
	Leased, Earlier, Torn, Cooling, Free, Elsewhere, Withheld uint64

	// Lease is the lease of the only address of the span; zero if there are several, or none.
	Lease backend.Lease

	// Text describes the cell in one line.
	Text string
}

// A Row is a line of cells, or addresses without a lease that fill whole lines.
type Row struct {
	First   netip.Addr // of the first cell, even if it is outside the range
	Cells   []Cell     // nil if the row is skipped
	Skipped Cell       // what the row is instead; its span is not zero
}

// Rows lays out the range in lines of the given number of cells, a power of two, and at most that
// many rows, with the smallest cells for which they suffice. Each cell has 1<<shift addresses. Where
// a range is too large for its leases, runs of lines without a lease are one row.
func (p *Picture) Rows(width, limit int) (rows []Row, shift int) {
	for shift = p.shift; ; shift++ {
		if starts, ok := p.starts(shift, shift+bits.Len(uint(width))-1, limit); ok {
			return p.rowsAt(starts, width, shift), shift
		}
	}
}

// starts returns the lines to show, by their first addresses: all, or those with leases. It fails
// if these are too many.
func (p *Picture) starts(shift, lineBits, limit int) (starts []netip.Prefix, ok bool) {
	whole := p.whole()
	first := aligned(whole.First, lineBits)
	for line := first; len(starts) <= limit; {
		starts = append(starts, line)
		end := allocator.SpanOf(line).Last
		if !end.Less(whole.Last) {
			return starts, len(starts) <= limit
		}
		line = aligned(end.Next(), lineBits)
	}
	starts = []netip.Prefix{first}
	for addr, b := range p.blocks {
		if b.tally != (tally{}) {
			starts = append(starts, aligned(addr, lineBits))
		}
	}
	slices.SortFunc(starts, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	starts = slices.Compact(starts)
	return starts, len(starts)+gaps(starts, whole) <= limit
}

// gaps counts the runs of lines that are not shown.
func gaps(starts []netip.Prefix, whole allocator.Span) (n int) {
	for i, line := range starts {
		end := allocator.SpanOf(line).Last
		if i+1 < len(starts) && end.Next() != starts[i+1].Addr() || i+1 == len(starts) && end.Less(whole.Last) {
			n++
		}
	}
	return n
}

func (p *Picture) rowsAt(starts []netip.Prefix, width, shift int) (rows []Row) {
	f, whole := p.filler(shift), p.whole()
	for i, line := range starts {
		rows = append(rows, p.lineOf(f, line.Addr(), width))
		end := allocator.SpanOf(line).Last
		last := whole.Last
		if i+1 < len(starts) {
			last = starts[i+1].Addr().Prev()
		}
		if end.Less(last) {
			skipped := cell{span: allocator.Span{First: end.Next(), Last: last}}
			skipped.leasable, skipped.withheld = overlap(skipped.span, f.spans), overlap(skipped.span, f.holes)
			skipped.elsewhere = overlap(skipped.span, f.other)
			rows = append(rows, Row{First: skipped.span.First, Skipped: p.exported(skipped)})
		}
	}
	return rows
}

func (p *Picture) lineOf(f filler, first netip.Addr, width int) Row {
	r := Row{First: first, Cells: make([]Cell, 0, width)}
	cells := (&grid{width: width, shift: f.shift}).row(first)
	f.fill(cells)
	for _, c := range cells {
		r.Cells = append(r.Cells, p.exported(c))
	}
	return r
}

func (p *Picture) exported(c cell) Cell {
	x := Cell{Span: c.span, Look: int(c.state()) - 1}
	if x.Look == Outside {
		return x
	}
	x.Leased, x.Earlier, x.Torn, x.Cooling, x.Free, x.Withheld = c.leased, c.earlier, c.torn, c.cooling, c.free(), c.withheld
	x.Elsewhere = c.freeElsewhere()
	x.Lease, x.Text = c.lease, p.title(c)
	return x
}

// Caption describes the picture in one line, without what [Picture.Rows] skips.
func (p *Picture) Caption(shift int) string { return p.caption(&grid{shift: shift})[0] }

// An Entry of a legend has the look of cells, and how many addresses look like that.
type Entry struct{ Name, Text string }

// Legend returns the entries of the looks that occur in the range.
func (p *Picture) Legend(shift int) (all []Entry) {
	for _, e := range p.legend(&grid{shift: shift}) {
		for i, s := range e.states {
			text := ""
			if i == len(e.states)-1 {
				text = e.text
			}
			all = append(all, Entry{s.look().class, text})
		}
	}
	return all
}

// NotHeld counts the addresses without a lease that only other hosts can lease: see
// [Picture.SetHeld].
func (p *Picture) NotHeld() uint64 {
	return cell{elsewhere: p.elsewhere(), tally: p.total()}.freeElsewhere()
}
