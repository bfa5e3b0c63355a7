package allocator

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// A RangeIter iterates over addresses in the order in which they are leased. Package
// allocator has no iterator, so a RangeIter leases one address after the other.
type RangeIter struct {
	rangeset *RangeSet
	store    backend.Store
	steps    int
	startIP  net.IP // the first address
}

// GetIter returns an iterator that starts after the cursor, in an empty store.
func (a *IPAllocator) GetIter() (*RangeIter, error) {
	store, err := a.newStore(func(backend.Tx) error { return nil })
	return &RangeIter{rangeset: a.rangeset, store: store}, err
}

// Next returns the next address with its prefix length, and its gateway, or nil if there is
// none.
func (i *RangeIter) Next() (*net.IPNet, net.IP) {
	i.steps++
	owner := backend.Owner{ContainerID: fmt.Sprintf("c%d", i.steps), IfName: "eth0"}
	got, err := allocate(i.store, i.rangeset, owner, netip.Addr{})
	if exhausted := (*allocator.ExhaustedError)(nil); errors.As(err, &exhausted) {
		return nil, nil
	}
	network := networkOf(must(got, err).Addr)
	if i.startIP == nil {
		i.startIP = network.IP
	}
	return &network, ipOf(got.Gateway)
}
