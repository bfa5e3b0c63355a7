package allocator

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
)

// A RangeSpec describes, as a configuration does, which addresses of a subnet can be
// leased. [NewRange] turns it into a [Range].
type RangeSpec struct {
	Subnet netip.Prefix // host bits must be zero
	First  netip.Addr   // zero: the first address after the network address
	Last   netip.Addr   // zero: the last address, before an IPv4 broadcast address

	// Gateway is never leased in this range. It may be outside the subnet. Zero means the
	// first address after the network address.
	Gateway netip.Addr

	// NoGateway leaves the range without a gateway.
	NoGateway bool

	// Exclude lists addresses that are never leased. Addresses outside the range, or of the
	// other family, have no effect on it.
	Exclude []Span
}

// A Range is a run of addresses of one subnet that can be leased, except for its gateway
// and excluded addresses. It is immutable; [NewRange] makes one.
//
// Subnets too small for network, gateway and broadcast addresses have none of these: in a
// /31 (RFC 3021), /32, /127 (RFC 6164) and /128, every address can be leased, and there is
// no gateway unless one is named.
type Range struct {
	subnet   netip.Prefix
	span     Span
	gateway  netip.Addr
	leasable []Span // ascending; span without the gateway and excluded addresses
}

// mappedIPv4 returns the IPv4-mapped IPv6 addresses, which no store accepts (RFC 4291,
// section 2.5.5.2). They are in an IPv6 range only if its subnet is ::/80 or wider.
func mappedIPv4() Span {
	first := [16]byte{10: 0xff, 11: 0xff}
	last := [16]byte{10: 0xff, 11: 0xff, 12: 0xff, 13: 0xff, 14: 0xff, 15: 0xff}
	return Span{First: netip.AddrFrom16(first), Last: netip.AddrFrom16(last)}
}

// NewRange checks s and fills in the defaults. IPv4-mapped IPv6 addresses are taken as IPv4
// addresses.
func NewRange(s RangeSpec) (Range, error) {
	if err := checkSubnet(s.Subnet); err != nil {
		return Range{}, err
	}
	r := wholeSubnet(s.Subnet)
	if err := r.setGateway(s); err != nil {
		return Range{}, err
	}
	if err := r.setEnds(s.First.Unmap(), s.Last.Unmap()); err != nil {
		return Range{}, err
	}
	for _, span := range s.Exclude {
		if err := span.validate(); err != nil {
			return Range{}, fmt.Errorf("excluded range: %w", err)
		}
	}
	holes := append([]Span{mappedIPv4()}, s.Exclude...)
	if r.gateway.IsValid() {
		holes = append(holes, Span{First: r.gateway, Last: r.gateway})
	}
	r.leasable = r.span.Without(holes)
	return r, nil
}

// The messages of checkSubnet and setEnds begin as host-local's do, because people search
// for them.
func checkSubnet(p netip.Prefix) error {
	switch {
	case !p.IsValid():
		return errors.New("subnet is not set")
	case p.Addr().Is4In6():
		return fmt.Errorf("IPNet IP and Mask version mismatch: %s is an IPv4 network in IPv6 form", p)
	case p != p.Masked():
		return fmt.Errorf("Network has host bits set. For a subnet mask of length %d the network address is %s",
			p.Bits(), p.Masked().Addr())
	}
	return nil
}

// wholeSubnet returns the default range of a subnet, gateway included.
func wholeSubnet(p netip.Prefix) Range {
	network, last := p.Addr(), lastOf(p)
	if p.Bits() > network.BitLen()-2 {
		return Range{subnet: p, span: Span{First: network, Last: last}}
	}
	if network.Is4() {
		last = last.Prev()
	}
	return Range{subnet: p, span: Span{First: network.Next(), Last: last}, gateway: network.Next()}
}

func (r *Range) setGateway(s RangeSpec) error {
	switch {
	case s.NoGateway && s.Gateway.IsValid():
		return fmt.Errorf("gateway %s is named, but the range has no gateway", s.Gateway)
	case s.Gateway.Zone() != "":
		return fmt.Errorf("gateway %s has a zone", s.Gateway)
	case s.NoGateway:
		r.gateway = netip.Addr{}
	case s.Gateway.IsValid():
		r.gateway = s.Gateway.Unmap()
	}
	return nil
}

func (r *Range) setEnds(first, last netip.Addr) error {
	if first.IsValid() {
		if !r.subnet.Contains(first) {
			return fmt.Errorf("RangeStart %s not in network %s", first, r.subnet)
		}
		r.span.First = first
	}
	if last.IsValid() {
		if !r.subnet.Contains(last) {
			return fmt.Errorf("RangeEnd %s not in network %s", last, r.subnet)
		}
		r.span.Last = last
	}
	switch {
	case !r.span.Last.Less(r.span.First):
		return nil
	case first.IsValid():
		return fmt.Errorf("RangeStart %s is after RangeEnd %s in network %s", r.span.First, r.span.Last, r.subnet)
	default:
		return fmt.Errorf("RangeEnd %s not in network %s from RangeStart %s on", r.span.Last, r.subnet, r.span.First)
	}
}

// Subnet returns the subnet. Leased addresses have its prefix length.
func (r Range) Subnet() netip.Prefix { return r.subnet }

// First returns the first address of the range.
func (r Range) First() netip.Addr { return r.span.First }

// Last returns the last address of the range.
func (r Range) Last() netip.Addr { return r.span.Last }

// Gateway returns the gateway, or the zero address if the range has no gateway.
func (r Range) Gateway() netip.Addr { return r.gateway }

// Contains reports whether addr is between the ends of the range. This includes its gateway
// and excluded addresses.
func (r Range) Contains(addr netip.Addr) bool { return r.span.Contains(addr) }

// Leasable reports whether addr is in the range and is neither its gateway nor excluded.
func (r Range) Leasable(addr netip.Addr) bool {
	i := r.searchSpans(addr)
	return i < len(r.leasable) && r.leasable[i].Contains(addr)
}

// Size returns the number of leasable addresses, or [math.MaxUint64] if there are more.
func (r Range) Size() uint64 {
	var n uint64
	for _, span := range r.leasable {
		n = addSizes(n, span.Size())
	}
	return n
}

// Spans returns the runs of leasable addresses, in ascending order.
func (r Range) Spans() []Span { return slices.Clone(r.leasable) }

// Holes returns the runs of addresses in the range that cannot be leased, in ascending
// order: its gateway and excluded addresses.
func (r Range) Holes() []Span { return r.span.Without(r.leasable) }

// String returns the ends of the range with a hyphen between them, even if they are the
// same address.
func (r Range) String() string { return r.span.First.String() + "-" + r.span.Last.String() }

// after returns the leasable spans after addr.
func (r Range) after(addr netip.Addr) []Span {
	spans := slices.Clone(r.leasable[r.searchSpans(addr):])
	if len(spans) == 0 || addr.Less(spans[0].First) {
		return spans
	}
	if addr == spans[0].Last {
		return spans[1:]
	}
	spans[0].First = addr.Next()
	return spans
}

// upTo returns the leasable spans up to addr, addr included.
func (r Range) upTo(addr netip.Addr) []Span {
	i := r.searchSpans(addr)
	spans := slices.Clone(r.leasable[:i])
	if i < len(r.leasable) && r.leasable[i].Contains(addr) {
		spans = append(spans, Span{First: r.leasable[i].First, Last: addr})
	}
	return spans
}

// searchSpans returns the index of the first leasable span that does not end before addr.
func (r Range) searchSpans(addr netip.Addr) int {
	return sort.Search(len(r.leasable), func(i int) bool { return !r.leasable[i].Last.Less(addr) })
}
