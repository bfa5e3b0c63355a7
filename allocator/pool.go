package allocator

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A Set is a range set: ranges of one family. An attachment gets one address of it. It is
// immutable; [NewSet] makes one.
type Set struct {
	ranges []Range
}

// ErrMixedFamilies means that a set has both IPv4 and IPv6 ranges.
var ErrMixedFamilies = errors.New("mixed address families")

// An OverlapError means that two ranges of a set, or two sets of a pool, share addresses.
type OverlapError struct {
	First, Second int // their indices

	// Reason is the whole message.
	Reason string
}

func (e *OverlapError) Error() string { return e.Reason }

// NewSet returns the set of the given ranges. Their order is the order in which
// they are used.
func NewSet(ranges ...Range) (Set, error) {
	if len(ranges) == 0 {
		return Set{}, errors.New("empty range set")
	}
	for _, r := range ranges[1:] {
		if r.First().BitLen() != ranges[0].First().BitLen() {
			return Set{}, ErrMixedFamilies
		}
	}
	for i, r := range ranges {
		for j, other := range ranges[i+1:] {
			if r.span.overlaps(other.span) {
				return Set{}, &OverlapError{i, i + 1 + j, fmt.Sprintf("subnets %s and %s overlap", r, other)}
			}
		}
	}
	return Set{ranges: slices.Clone(ranges)}, nil
}

// Ranges returns the ranges in order.
func (s Set) Ranges() []Range { return slices.Clone(s.ranges) }

// Is4 reports whether the addresses of the set are IPv4 addresses.
func (s Set) Is4() bool { return len(s.ranges) > 0 && s.ranges[0].First().Is4() }

// Contains reports whether a range of the set contains addr.
func (s Set) Contains(addr netip.Addr) bool { return s.index(addr) >= 0 }

// Size returns the number of leasable addresses, or [math.MaxUint64] if there are more.
func (s Set) Size() uint64 {
	var n uint64
	for _, r := range s.ranges {
		n = addSizes(n, r.Size())
	}
	return n
}

// String returns the ranges, separated by commas.
func (s Set) String() string {
	texts := make([]string, len(s.ranges))
	for i, r := range s.ranges {
		texts[i] = r.String()
	}
	return strings.Join(texts, ",")
}

// index returns the index of the range that contains addr, or -1.
func (s Set) index(addr netip.Addr) int {
	return slices.IndexFunc(s.ranges, func(r Range) bool { return r.Contains(addr) })
}

// roundRobin returns the leasable spans of the set in the order to try them after cursor:
// from the next address through the following ranges, and around to cursor itself. A cursor
// outside the set is ignored.
func (s Set) roundRobin(cursor netip.Addr) []Span {
	at := s.index(cursor)
	var spans []Span
	if at >= 0 {
		spans = s.ranges[at].after(cursor)
	}
	for _, r := range s.ranges[at+1:] {
		spans = append(spans, r.leasable...)
	}
	if at < 0 {
		return spans
	}
	for _, r := range s.ranges[:at] {
		spans = append(spans, r.leasable...)
	}
	return append(spans, s.ranges[at].upTo(cursor)...)
}

// A Pool is the addresses of a network: an attachment gets one address of each of its sets.
// It is immutable; [NewPool] makes one.
//
// A store keeps the cursor of a set under the set's index in the pool, in decimal: "0", "1"
// and so on.
type Pool struct {
	sets []Set
}

// NewPool returns the pool of the given sets.
func NewPool(sets ...Set) (Pool, error) {
	if len(sets) == 0 {
		return Pool{}, errors.New("no IP ranges specified")
	}
	for i, s := range sets {
		for j, other := range sets[i+1:] {
			if s.overlaps(other) {
				return Pool{}, &OverlapError{i, i + 1 + j, fmt.Sprintf("range set %d overlaps with %d", i, i+1+j)}
			}
		}
	}
	return Pool{sets: slices.Clone(sets)}, nil
}

// overlaps reports whether the sets share an address.
func (s Set) overlaps(other Set) bool {
	return slices.ContainsFunc(s.ranges, func(a Range) bool {
		return slices.ContainsFunc(other.ranges, func(b Range) bool { return a.span.overlaps(b.span) })
	})
}

// Sets returns the sets in order.
func (p Pool) Sets() []Set { return slices.Clone(p.sets) }

// Contains reports whether a set of the pool contains addr.
func (p Pool) Contains(addr netip.Addr) bool { return p.index(addr) >= 0 }

// index returns the index of the set that contains addr, or -1.
func (p Pool) index(addr netip.Addr) int {
	return slices.IndexFunc(p.sets, func(s Set) bool { return s.Contains(addr) })
}

// requestedBySet returns, for each set, the address requested of it, or the zero address. A set
// gives only one address: the first one requested.
func (p Pool) requestedBySet(addrs []netip.Addr) ([]netip.Addr, error) {
	requested := make([]netip.Addr, len(p.sets))
	var left []netip.Addr
	for _, addr := range addrs {
		addr = addr.Unmap()
		switch i := p.index(addr); {
		case i < 0:
			left = append(left, addr)
		case !requested[i].IsValid():
			requested[i] = addr
		case requested[i] != addr:
			left = append(left, addr)
		}
	}
	if len(left) > 0 {
		return nil, p.notRequestableError(left)
	}
	return requested, p.checkLeasable(requested)
}

// checkLeasable returns an error if a requested address can never be leased. It runs before
// the store is opened, so that such a request changes nothing and creates no store.
func (p Pool) checkLeasable(requested []netip.Addr) error {
	for i, addr := range requested {
		if !addr.IsValid() {
			continue
		}
		s := p.sets[i]
		switch r := s.ranges[s.index(addr)]; {
		case addr == r.gateway:
			return wrapRange(i, gatewayError(addr))
		case !r.Leasable(addr):
			return wrapRange(i, excludedError(addr, s))
		}
	}
	return nil
}
