package allocator

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/allocator"
)

// A Range is a range as a test writes it and, after Canonicalize, as [allocator.NewRange]
// completes it.
type Range struct {
	RangeStart net.IP
	RangeEnd   net.IP
	Subnet     types.IPNet
	Gateway    net.IP
}

// Canonicalize fills in missing fields.
func (r *Range) Canonicalize() error {
	made, err := allocator.NewRange(r.spec())
	if err == nil {
		*r = rangeOf(made)
	}
	return err
}

func (r *Range) spec() allocator.RangeSpec {
	bits, _ := r.Subnet.Mask.Size()
	return allocator.RangeSpec{
		Subnet:  netip.PrefixFrom(addrOf(r.Subnet.IP), bits),
		First:   addrOf(r.RangeStart),
		Last:    addrOf(r.RangeEnd),
		Gateway: addrOf(r.Gateway),
	}
}

func rangeOf(r allocator.Range) Range {
	return Range{
		RangeStart: ipOf(r.First()),
		RangeEnd:   ipOf(r.Last()),
		Subnet:     types.IPNet(networkOf(r.Subnet())),
		Gateway:    ipOf(r.Gateway()),
	}
}

// Contains reports whether the range contains ip.
func (r *Range) Contains(ip net.IP) bool {
	s := RangeSet{*r}
	return s.Contains(ip)
}

// Overlaps reports whether the ranges have an address in common.
func (r *Range) Overlaps(other *Range) bool {
	s := RangeSet{*r}
	return s.Overlaps(&RangeSet{*other})
}

// canonicalizeIP converts an IPv4 address to four bytes.
//
//lint:ignore U1000 the stock plugin's tests call it
func canonicalizeIP(ip *net.IP) error {
	addr := addrOf(*ip)
	if !addr.IsValid() {
		return fmt.Errorf("%v is not an address", []byte(*ip))
	}
	*ip = ipOf(addr)
	return nil
}

func addrOf(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip) // nil gives the zero Addr
	return addr.Unmap()
}

func ipOf(addr netip.Addr) net.IP { return net.IP(addr.AsSlice()) }

func networkOf(p netip.Prefix) net.IPNet {
	return net.IPNet{IP: ipOf(p.Addr()), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
