package allocator

import (
	"net/netip"
)

// A Span is a run of addresses of one family, both ends included.
type Span struct {
	First, Last netip.Addr
}

// A RangeSpec says which addresses of a subnet may be leased, as a
// configuration states it. [NewRange] turns it into a Range.
type RangeSpec struct {
	Subnet  netip.Prefix // host bits must be zero
	First   netip.Addr   // zero: the first address after the network address
	Last    netip.Addr   // zero: the last address, before an IPv4 broadcast address
	Gateway netip.Addr   // zero: the first address after the network address
	// NoGateway leaves the range without a gateway.
	NoGateway bool
	// Exclude lists addresses that are never leased.
	Exclude []Span
}
