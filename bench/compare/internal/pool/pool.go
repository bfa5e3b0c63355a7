// Package pool knows which address of a subnet a plugin has to give next.
//
// host-local hands out the addresses of a range in ascending order: it goes on after
// the one that it gave last, passes by those that are leased, and begins anew at the
// end. A [Pool] does the same in memory. So the answer of a plugin is known before
// it is asked, whichever plugin it is, and however the leases lie.
package pool

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A Pool is the addresses of a subnet that can be leased: all but its first, which
// names the subnet, the second, which is the gateway, and for IPv4 the last, which
// is the broadcast address.
type Pool struct {
	subnet netip.Prefix
	size   uint64
	leased map[uint64]struct{} // by place, counted from the first address
	last   uint64              // the place of the address that was given last
}

// New returns the pool of a subnet, in which nothing is leased. An IPv6 subnet has
// at least 64 bits of prefix.
func New(subnet netip.Prefix) *Pool {
	size := uint64(1)<<(subnet.Addr().BitLen()-subnet.Bits()) - 2
	if subnet.Addr().Is4() {
		size--
	}
	return &Pool{subnet: subnet, size: size, leased: make(map[uint64]struct{}), last: size - 1}
}

// Size returns the number of addresses.
func (p *Pool) Size() uint64 { return p.size }

// Len returns the number of leased addresses.
func (p *Pool) Len() int { return len(p.leased) }

// Last returns the address that was given last or, if none was, the last one.
func (p *Pool) Last() netip.Addr { return p.at(p.last) }

// Next returns the address that has to be given next, unless all are leased.
func (p *Pool) Next() (addr netip.Addr, ok bool) {
	if uint64(len(p.leased)) == p.size {
		return netip.Addr{}, false
	}
	place := p.after(p.last)
	for p.isLeased(place) {
		place = p.after(place)
	}
	return p.at(place), true
}

// Skip has the next n addresses passed by, whether they are leased or not.
func (p *Pool) Skip(n int) {
	for range n {
		p.last = p.after(p.last)
	}
}

// Lease takes note that the address has been given.
func (p *Pool) Lease(addr netip.Addr) error {
	place, ok := p.place(addr)
	switch {
	case !ok:
		return fmt.Errorf("%s cannot be leased in %s", addr, p.subnet)
	case p.isLeased(place):
		return fmt.Errorf("%s is leased already", addr)
	}
	p.leased[place] = struct{}{}
	p.last = place
	return nil
}

// Release takes note that the address has been given back.
func (p *Pool) Release(addr netip.Addr) {
	if place, ok := p.place(addr); ok {
		delete(p.leased, place)
	}
}

func (p *Pool) isLeased(place uint64) bool {
	_, is := p.leased[place]
	return is
}

func (p *Pool) after(place uint64) uint64 {
	if place == p.size-1 {
		return 0
	}
	return place + 1
}

// before is how many addresses of a subnet come before the first of its pool.
const before = 2

// at returns the address at a place. Addresses of one subnet differ in their last
// eight bytes only.
func (p *Pool) at(place uint64) netip.Addr {
	bytes := p.subnet.Addr().As16()
	end := binary.BigEndian.Uint64(bytes[8:])
	binary.BigEndian.PutUint64(bytes[8:], end+before+place)
	return netip.AddrFrom16(bytes).Unmap()
}

// place is the inverse of at.
func (p *Pool) place(addr netip.Addr) (place uint64, ok bool) {
	if !p.subnet.Contains(addr) {
		return 0, false
	}
	bytes, first := addr.As16(), p.at(0).As16()
	place = binary.BigEndian.Uint64(bytes[8:]) - binary.BigEndian.Uint64(first[8:])
	return place, place < p.size
}
