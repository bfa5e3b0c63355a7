package peers

import (
	"fmt"
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
	leased      map[netip.Addr]bool
	cursor      netip.Addr // the address that was given last, without any the last one of the pool
}

// NewPool returns the pool of a subnet without leases.
func NewPool(subnet netip.Prefix) *Pool {
	p := &Pool{subnet: subnet, leased: make(map[netip.Addr]bool)}
	p.first = subnet.Addr().Next().Next()
	p.last = netipx.PrefixLastIP(subnet)
	if subnet.Addr().Is4() {
		p.last = p.last.Prev()
	}
	p.cursor = p.last
	return p
}

// Next returns the address that must be given next, unless all are leased.
func (p *Pool) Next() (addr netip.Addr, ok bool) {
	for addr = p.after(p.cursor); p.leased[addr]; addr = p.after(addr) {
		if addr == p.cursor {
			return addr, false
		}
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
	case p.leased[addr]:
		return fmt.Errorf("%s is leased already", addr)
	}
	p.leased[addr] = true
	p.cursor = addr
	return nil
}

// Release records that the address was released.
func (p *Pool) Release(addr netip.Addr) { delete(p.leased, addr) }

// after returns the next address, the first one after the last.
func (p *Pool) after(addr netip.Addr) netip.Addr {
	if addr == p.last {
		return p.first
	}
	return addr.Next()
}
