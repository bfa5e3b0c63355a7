package backendtest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// A state is the content of a store: a model as simple as possible, with which a store is
// compared.
type state struct {
	leases  map[netip.Addr]backend.Lease
	cursors map[string]netip.Addr
	boot    string
}

func newState() state {
	return state{leases: map[netip.Addr]backend.Lease{}, cursors: map[string]netip.Addr{}}
}

// read returns the state of a store through the methods that enumerate it.
func read(tx backend.ReadTx) (state, error) {
	s := newState()
	last := netip.Addr{}
	for l, err := range tx.Leases(netip.Addr{}) {
		if err != nil {
			return s, err
		}
		if !last.Less(l.Addr) {
			return s, fmt.Errorf("%w: lease of %s after lease of %s", errWrong, l.Addr, last)
		}
		last = l.Addr
		s.leases[l.Addr] = l
	}
	cursors, err := tx.Cursors()
	if err != nil {
		return s, err
	}
	maps.Copy(s.cursors, cursors)
	s.boot, err = tx.LastSearch()
	return s, err
}

func (s state) clone() state {
	return state{leases: maps.Clone(s.leases), cursors: maps.Clone(s.cursors), boot: s.boot}
}

// sorted returns the leases for which include is true, in ascending order.
func (s state) sorted(include func(backend.Lease) bool) []backend.Lease {
	var all []backend.Lease
	for _, l := range s.leases {
		if include(l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}

func (s state) ownedBy(o backend.Owner) []backend.Lease {
	return s.sorted(func(l backend.Lease) bool { return !l.Owner.IsZero() && o.Covers(l.Owner) })
}

func (s state) from(addr netip.Addr) []backend.Lease {
	return s.sorted(func(l backend.Lease) bool { return !l.Addr.Less(addr) })
}

// nextFree checks one address after the other.
func (s state) nextFree(from, to netip.Addr) (netip.Addr, error) {
	for addr := from; addr.IsValid() && !to.Less(addr); addr = addr.Next() {
		if _, ok := s.leases[addr]; !ok {
			return addr, nil
		}
	}
	return netip.Addr{}, backend.ErrNoneFree
}
