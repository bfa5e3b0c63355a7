package memory

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// data is the content of a store. addrs, taken and owned are derived from
// leases and cooling.
type data struct {
	leases     map[netip.Addr]backend.Lease
	addrs      addrSet
	taken      addrSet // leased or cooling
	cooling    map[netip.Addr]time.Time
	owned      map[string]addrSet // by container ID
	cursors    map[string]netip.Addr
	lastSearch string
	history    []backend.Ended // never changed in place
	policy     string

	counts      backend.Counts
	podsIndexed bool // HistoryOfPod finds something

	membership backend.Membership
	blocks     []backend.Block // ascending
}

func newData() *data {
	return &data{
		leases:  make(map[netip.Addr]backend.Lease),
		cooling: make(map[netip.Addr]time.Time),
		owned:   make(map[string]addrSet),
		cursors: make(map[string]netip.Addr),
	}
}

func (d *data) insert(l backend.Lease) {
	id := l.Owner.ContainerID
	d.leases[l.Addr] = l
	d.addrs = d.addrs.with(l.Addr)
	d.taken = d.taken.with(l.Addr)
	d.owned[id] = d.owned[id].with(l.Addr)
}

func (d *data) remove(addr netip.Addr) {
	l, ok := d.leases[addr]
	if !ok {
		return
	}
	id := l.Owner.ContainerID
	delete(d.leases, addr)
	d.addrs = d.addrs.without(addr)
	d.taken = d.taken.without(addr)
	if d.owned[id] = d.owned[id].without(addr); len(d.owned[id]) == 0 {
		delete(d.owned, id)
	}
}

// setCooling makes an address that is not leased cooling, unless since is zero; then it is free.
func (d *data) setCooling(addr netip.Addr, since time.Time) {
	if since.IsZero() {
		delete(d.cooling, addr)
		d.taken = d.taken.without(addr)
		return
	}
	d.cooling[addr] = since
	d.taken = d.taken.with(addr)
}

// An addrSet holds distinct addresses in ascending order.
type addrSet []netip.Addr

func (s addrSet) with(addr netip.Addr) addrSet {
	i, ok := s.find(addr)
	if ok {
		return s
	}
	return slices.Insert(s, i, addr)
}

func (s addrSet) without(addr netip.Addr) addrSet {
	i, ok := s.find(addr)
	if !ok {
		return s
	}
	return slices.Delete(s, i, i+1)
}

func (s addrSet) find(addr netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(s, addr, netip.Addr.Compare)
}

// from returns the addresses of s from addr on.
func (s addrSet) from(addr netip.Addr) addrSet {
	i, _ := s.find(addr)
	return s[i:]
}

// upTo returns the addresses of s up to addr, addr included.
func (s addrSet) upTo(addr netip.Addr) addrSet {
	i, ok := s.find(addr)
	if ok {
		i++
	}
	return s[:i]
}

// nextFree returns the lowest address in [from, to] that is not in s. to must not be before
// from.
//
// Up to the first gap the i-th address of the range is from plus i, and after it never
// again, so a binary search finds the end of the run of leased addresses.
func (s addrSet) nextFree(from, to netip.Addr) (netip.Addr, bool) {
	s = s.from(from).upTo(to)
	n := sort.Search(len(s), func(i int) bool { return s[i] != plus(from, i) })
	if n > 0 && s[n-1] == to {
		return netip.Addr{}, false
	}
	return plus(from, n), true
}

// plus returns addr plus n. The caller makes sure that the family has such an address.
func plus(addr netip.Addr, n int) netip.Addr {
	b := addr.As16()
	lo, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), uint64(n), 0)
	binary.BigEndian.PutUint64(b[8:], lo)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+carry)
	sum := netip.AddrFrom16(b)
	if addr.Is4() {
		return sum.Unmap()
	}
	return sum
}

// block returns the index of the block that contains addr, and where it would be if there is
// none.
func (d *data) block(addr netip.Addr) (i int, ok bool) {
	i = sort.Search(len(d.blocks), func(i int) bool { return !d.blocks[i].Last.Less(addr) })
	return i, i < len(d.blocks) && d.blocks[i].Contains(addr)
}

// canLease reports whether the store holds addr.
func (d *data) canLease(addr netip.Addr) bool {
	if d.membership.IsZero() {
		return true
	}
	i, ok := d.block(addr)
	return ok && d.blocks[i].State == backend.Open
}

// nextFree returns the lowest address in [from, to] that is free and that the store holds. to
// must not be before from.
func (d *data) nextFree(from, to netip.Addr) (netip.Addr, bool) {
	if d.membership.IsZero() {
		return d.taken.nextFree(from, to)
	}
	i, _ := d.block(from)
	for _, b := range d.blocks[i:] {
		if b.First.BitLen() != from.BitLen() || to.Less(b.First) {
			break
		}
		if b.State != backend.Open {
			continue
		}
		if addr, ok := d.taken.nextFree(higher(from, b.First), lower(to, b.Last)); ok {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

func higher(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}

func lower(a, b netip.Addr) netip.Addr {
	if b.Less(a) {
		return b
	}
	return a
}
