package picture

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// caption describes the picture, in sentences that begin new lines.
func (p *Picture) caption(g *grid) []string {
	title := fmt.Sprintf("%s, %s: %s of %s addresses leased; %s to a cell", p.network, rangeName(p.r),
		number(p.total().taken()), number(p.r.Size()), cellSize(g.shift))
	if !g.zoomed {
		return []string{title}
	}
	return []string{title, "all leases are in " + spanName(g.span) + ", which is shown; " + p.rest(g.span)}
}

// rest describes the addresses of the range that are not shown.
func (p *Picture) rest(shown allocator.Span) string {
	holes := p.r.Holes()
	hidden := minus(overlap(p.whole(), holes), overlap(shown, holes))
	if hidden == 0 {
		return "the rest is free"
	}
	return "the rest is free, except " + number(hidden) + " withheld"
}

// rangeName returns the subnet, and the ends of the range if they are not the default ones.
func rangeName(r allocator.Range) string {
	subnet := r.Subnet().String()
	whole, err := allocator.NewRange(allocator.RangeSpec{Subnet: r.Subnet()})
	if err == nil && whole.First() == r.First() && whole.Last() == r.Last() {
		return subnet
	}
	return r.String() + " of " + subnet
}

// spanName returns a span as a network if it is one.
func spanName(s allocator.Span) string {
	for shift := range s.First.BitLen() + 1 {
		if p := aligned(s.First, shift); allocator.SpanOf(p) == s {
			return p.String()
		}
	}
	return s.String()
}

// Number formats a count for people, like "65,536" or "about 2^64".
func Number(n uint64) string { return number(n) }

func number(n uint64) string {
	const countless = 1 << 40
	switch {
	case n == math.MaxUint64:
		return "2^64 or more"
	case n >= countless:
		return "about 2^" + strings.TrimSuffix(strconv.FormatFloat(math.Log2(float64(n)), 'f', 1, 64), ".0")
	}
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// cellSize returns the number of addresses in a cell.
func cellSize(shift int) string {
	const countless = 20
	switch {
	case shift == 0:
		return "one"
	case shift > countless:
		return fmt.Sprintf("2^%d", shift)
	}
	return number(1 << shift)
}

// An entry of a legend describes the cells with the given states, and counts their
// addresses in the whole range.
type entry struct {
	states []state
	text   string
}

// legendGap is the number of characters between the entries of a legend.
const legendGap = 2

// length returns the number of characters of an entry.
func (e entry) length() int { return len(e.states) + 1 + utf8.RuneCountInString(e.text) }

// legend returns the entries for the kinds of addresses in the range.
func (p *Picture) legend(g *grid) []entry {
	t := p.total()
	leased := entry{[]state{full}, number(t.leased) + " leased"}
	if g.shift > 0 {
		leased = entry{[]state{sparse, halfway, dense, full}, number(t.leased) + " leased (under 1/3 of a cell, under 2/3, not all, all)"}
	}
	all := cell{leasable: p.r.Size(), elsewhere: p.elsewhere(), tally: t}
	entries := []entry{{[]state{open}, number(all.free()) + " free"}, leased}
	if p.shared {
		entries = append(entries, entry{[]state{elsewhere}, number(all.freeElsewhere()) + " not held by this host"})
	}
	if t.cooling > 0 {
		entries = append(entries, entry{[]state{cooling}, number(t.cooling) + " cooling since their release"})
	}
	if t.earlier > 0 {
		entries = append(entries, entry{[]state{earlier}, number(t.earlier) + " leased in an earlier boot"})
	}
	if t.torn > 0 {
		entries = append(entries, entry{[]state{torn}, number(t.torn) + " torn"})
	}
	if n := overlap(p.whole(), p.r.Holes()); n > 0 {
		entries = append(entries, entry{[]state{withheld}, number(n) + " withheld" + strays(t.stray)})
	}
	return entries
}

// elsewhere counts the leasable addresses that other hosts can hold.
func (p *Picture) elsewhere() (n uint64) {
	for _, s := range p.filler(p.shift).other {
		n = sum(n, s.Size())
	}
	return n
}

// strays says how many withheld addresses are leased.
func strays(n uint64) string {
	if n == 0 {
		return ""
	}
	return ", " + number(n) + " of them leased anyway"
}

// title describes a cell, or several merged cells.
func (p *Picture) title(c cell) string {
	if c.span.Size() != 1 {
		return c.span.String() + ": " + c.counts()
	}
	return c.span.String() + ": " + p.status(c)
}

func (c cell) counts() string {
	var parts []string
	for _, part := range []struct {
		n    uint64
		what string
	}{
		{c.leased, "leased"},
		{c.earlier, "leased in an earlier boot"},
		{c.torn, "torn"},
		{c.cooling, "cooling"},
		{c.free(), "free"},
		{c.freeElsewhere(), "not held by this host"},
		{c.withheld, "withheld" + strays(c.stray)},
	} {
		if part.n > 0 {
			parts = append(parts, number(part.n)+" "+part.what)
		}
	}
	return strings.Join(parts, ", ")
}

// status describes the only address of a cell.
func (p *Picture) status(c cell) string {
	var text string
	switch {
	case c.leasable == 0 && c.span.First == p.r.Gateway():
		text = "gateway"
	case c.leasable == 0:
		text = "excluded"
	case c.taken() == 0 && c.cooling > 0:
		return "cooling since its release"
	case c.taken() == 0 && c.elsewhere > 0:
		return "not held by this host"
	case c.taken() == 0:
		return "free"
	case c.torn > 0:
		text = "torn"
	case c.earlier > 0:
		text = "leased in an earlier boot"
	default:
		text = "leased"
	}
	if c.stray > 0 {
		text += ", but leased"
	}
	if c.lease.Owner.IsZero() {
		return text
	}
	return text + " to " + holder(c.lease)
}

func holder(l backend.Lease) string {
	text := l.Owner.String()
	if l.Pod != (backend.Pod{}) {
		text += ", pod " + l.Pod.String()
	}
	if !l.Since.IsZero() {
		text += ", since " + seconds(l.Since)
	}
	return text
}

func seconds(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
