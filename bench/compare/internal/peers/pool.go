package peers

import (
	"fmt"
	"math"
	"net/netip"

	"go4.org/netipx"
)

// A Pool is the addresses of a subnet that host-local leases: all but the first, which
// names the subnet, the second, which is the gateway, and for IPv4 the last, which is the
// broadcast address.
//
// It predicts which address a plugin must give: the first free one after the address given
// last, in ascending order, starting over at the end.
type Pool struct {
	subnet      netip.Prefix
	first, last netip.Addr
	size        uint64
	leased      map[netip.Addr]struct{}
	cursor      netip.Addr // the address that was given last
}

// NewPool returns the pool of a subnet without leases. An IPv6 subnet must be a /64 or
// smaller.
func NewPool(subnet netip.Prefix) *Pool {
	p := &Pool{subnet: subnet.Masked(), leased: make(map[netip.Addr]struct{})}
	p.first = p.subnet.Addr().Next().Next()
	hostBits := subnet.Addr().BitLen() - subnet.Bits()
	p.size = uint64(math.MaxUint64)>>(64-hostBits) - 1
	p.last = netipx.PrefixLastIP(p.subnet)
	if subnet.Addr().Is4() {
		p.size--
		p.last = p.last.Prev()
	}
	p.cursor = p.last
	return p
}

// Size returns the number of addresses.
func (p *Pool) Size() uint64 { return p.size }

// Last returns the address that was given last or, without any, the last one of the pool.
func (p *Pool) Last() netip.Addr { return p.cursor }

// Next returns the address that must be given next, unless all are leased.
func (p *Pool) Next() (addr netip.Addr, ok bool) {
	if uint64(len(p.leased)) == p.size {
		return netip.Addr{}, false
	}
	addr = p.after(p.cursor)
	for p.isLeased(addr) {
		addr = p.after(addr)
	}
	return addr, true
}

// Skip moves the cursor n addresses on.
func (p *Pool) Skip(n int) {
	for range n {
		p.cursor = p.after(p.cursor)
	}
}

// Lease records that the address was given.
func (p *Pool) Lease(addr netip.Addr) error {
	switch {
	case !p.subnet.Contains(addr), addr.Less(p.first), p.last.Less(addr):
		return fmt.Errorf("%s cannot be leased in %s", addr, p.subnet)
	case p.isLeased(addr):
		return fmt.Errorf("%s is leased already", addr)
	}
	p.leased[addr] = struct{}{}
	p.cursor = addr
	return nil
}

// Release records that the address was released.
func (p *Pool) Release(addr netip.Addr) { delete(p.leased, addr) }

func (p *Pool) isLeased(addr netip.Addr) bool {
	_, is := p.leased[addr]
	return is
}

// after returns the next address, the first one after the last. A cursor outside of the pool
// leads back into it.
func (p *Pool) after(addr netip.Addr) netip.Addr {
	addr = addr.Next()
	if addr.Less(p.first) || p.last.Less(addr) {
		return p.first
	}
	return addr
}
