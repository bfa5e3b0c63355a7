package allocator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// A Span is a run of addresses of one family, both ends included. The zero Span is empty.
type Span struct {
	First, Last netip.Addr
}

// ParseSpan parses one address ("10.0.0.7"), a network in CIDR notation ("10.0.0.0/28", all
// of its addresses), or two ends ("10.0.0.7-10.0.0.9"). A network with host bits set is an
// error.
func ParseSpan(s string) (Span, error) {
	span, err := parseSpan(s)
	if err == nil {
		err = span.validate()
	}
	if err != nil {
		return Span{}, fmt.Errorf("%q: %w", s, err)
	}
	return span, nil
}

func parseSpan(s string) (Span, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return Span{}, errors.New("want a network like 10.0.0.0/24 or fd00::/64")
		}
		return networkSpan(p)
	}
	first, last, two := strings.Cut(s, "-")
	if !two {
		last = first
	}
	a, errA := netip.ParseAddr(first)
	b, errB := netip.ParseAddr(last)
	if errA != nil || errB != nil {
		return Span{}, errors.New("want an address, a network, or two addresses with a hyphen between them")
	}
	return Span{First: a, Last: b}, nil
}

func networkSpan(p netip.Prefix) (Span, error) {
	if p != p.Masked() {
		return Span{}, fmt.Errorf("host bits are set; the network is %s", p.Masked())
	}
	return SpanOf(p), nil
}

// SpanOf returns all addresses of the network of p, ignoring its host bits.
func SpanOf(p netip.Prefix) Span {
	return Span{First: p.Masked().Addr(), Last: lastOf(p)}
}

// validate returns an error unless both ends are ordinary addresses of one family and in
// order.
func (s Span) validate() error {
	if err := backend.ValidateAddr(s.First); err != nil {
		return err
	}
	if err := backend.ValidateAddr(s.Last); err != nil {
		return err
	}
	switch {
	case s.First.BitLen() != s.Last.BitLen():
		return fmt.Errorf("%s and %s are of different families", s.First, s.Last)
	case s.Last.Less(s.First):
		return fmt.Errorf("%s comes after %s", s.First, s.Last)
	}
	return nil
}

// Contains reports whether addr is in s.
func (s Span) Contains(addr netip.Addr) bool {
	// Compare orders every IPv4 address before every IPv6 address, so no address of the
	// other family is between two addresses of one family. The zero Addr comes before both,
	// and would be in the zero Span.
	return addr.IsValid() && s.First.Compare(addr) <= 0 && addr.Compare(s.Last) <= 0
}

// String returns the only address, or the two ends with a hyphen between them.
func (s Span) String() string {
	if s.First == s.Last {
		return s.First.String()
	}
	return s.First.String() + "-" + s.Last.String()
}

// overlaps reports whether s and t share an address.
func (s Span) overlaps(t Span) bool {
	return s.Contains(t.First) || t.Contains(s.First)
}

// Intersect returns the addresses that are in both s and t.
func (s Span) Intersect(t Span) Span {
	if !s.overlaps(t) {
		return Span{}
	}
	if s.First.Less(t.First) {
		s.First = t.First
	}
	if t.Last.Less(s.Last) {
		s.Last = t.Last
	}
	return s
}

// Size returns the number of addresses in s, or [math.MaxUint64] if there are
// more.
func (s Span) Size() uint64 {
	if !s.First.IsValid() {
		return 0
	}
	hi, lo := s.distance()
	if hi > 0 {
		return math.MaxUint64
	}
	return addSizes(lo, 1)
}

// distance returns the last address of s minus the first, in 128 bits.
func (s Span) distance() (hi, lo uint64) {
	first, last := s.First.As16(), s.Last.As16()
	lo, borrow := bits.Sub64(binary.BigEndian.Uint64(last[8:]), binary.BigEndian.Uint64(first[8:]), 0)
	hi, _ = bits.Sub64(binary.BigEndian.Uint64(last[:8]), binary.BigEndian.Uint64(first[:8]), borrow)
	return hi, lo
}

// isLonger reports whether s has more addresses than t, even if both sizes are
// [math.MaxUint64].
func (s Span) isLonger(t Span) bool {
	hi, lo := s.distance()
	thanHi, thanLo := t.distance()
	return s.Size() > t.Size() || hi > thanHi || hi == thanHi && lo > thanLo
}

// addSizes returns the sum, at most [math.MaxUint64].
func addSizes(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// Without returns s without the holes, in ascending order. The holes may overlap, be of
// either family, and come in any order.
func (s Span) Without(holes []Span) []Span {
	if !s.First.IsValid() {
		return nil
	}
	holes = slices.SortedFunc(slices.Values(holes), func(a, b Span) int { return a.First.Compare(b.First) })
	var left []Span
	next := s.First
	for _, hole := range holes {
		if hole.Last.Less(next) {
			continue
		}
		if s.Last.Less(hole.First) {
			break
		}
		if next.Less(hole.First) {
			left = append(left, Span{First: next, Last: hole.First.Prev()})
		}
		if !hole.Last.Less(s.Last) {
			return left // Next would overflow after the last address of a family.
		}
		next = hole.Last.Next()
	}
	return append(left, Span{First: next, Last: s.Last})
}

// lastOf returns the last address of p.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b) // cannot fail: b has 4 or 16 bytes
	return last
}
