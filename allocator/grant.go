package allocator

import (
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A grant is the state of one Allocate in its transaction.
type grant struct {
	Options
	tx    backend.Tx
	lease backend.Lease            // to be made, without its address
	held  []backend.Lease          // what the attachment already holds
	ended func(backend.Lease) bool // reports whether a lease is from an earlier boot; can be nil
	boot  *ending                  // of those leases
}

func (g *grant) findHeld() error {
	held, err := g.tx.OwnedBy(g.lease.Owner)
	if err != nil {
		return err
	}
	g.held, err = g.endEnded(held)
	return err
}

// leaseFrom leases an address of the set with the given index: the requested one, or the
// next free one if requested is zero.
func (g *grant) leaseFrom(index int, s Set, requested netip.Addr) (Assignment, error) {
	if held := leasesIn(s, g.held); len(held) > 0 {
		return g.repeat(s, held, requested)
	}
	if requested.IsValid() {
		return g.leaseRequested(index, s, requested)
	}
	addr, err := g.preferred(s)
	if err != nil {
		return Assignment{}, err
	}
	if addr.IsValid() {
		return g.put(s, addr)
	}
	if addr, err = g.next(index, s); err != nil {
		return Assignment{}, err
	}
	return g.putInTurn(index, s, addr)
}

// repeat answers an attachment that already holds addresses of the set.
func (g *grant) repeat(s Set, held []backend.Lease, requested netip.Addr) (Assignment, error) {
	for _, l := range held {
		if g.OnDuplicate == ReturnExisting && (!requested.IsValid() || requested == l.Addr) {
			return s.assignment(l.Addr), g.renew(l)
		}
	}
	err := &DuplicateError{Addr: held[0].Addr, Holder: held[0]}
	if requested != err.Addr {
		err.Requested = requested
	}
	return Assignment{}, err
}

// renew gives a returned lease the time of this request. Otherwise a list of containers
// made before this request would let gc collect the lease as an old one, and the Undo of
// the request that first made it would release it. The owner stays as it is: a lease
// without an interface may belong to another interface.
func (g *grant) renew(held backend.Lease) error {
	l := g.lease
	l.Addr, l.Owner, l.Since = held.Addr, held.Owner, laterThan(held.Since, l.Since)
	if err := g.tx.Delete(l.Addr); err != nil {
		return err
	}
	if err := g.tx.Put(l); err != nil {
		return err
	}
	return count(g.tx, backend.Counts{Renewed: l.Since})
}

// laterThan returns now, or a later time if the store would record now as the same time as
// before.
func laterThan(before, now time.Time) time.Time {
	unit := unitOf(before)
	if now.Truncate(unit).Equal(before) {
		return oddNanosecond(before.Add(unit))
	}
	return now
}

func (g *grant) leaseRequested(index int, s Set, addr netip.Addr) (Assignment, error) {
	switch holder, err := g.tx.Lease(addr); {
	case err == nil && g.hasEnded(holder):
		if err := g.boot.end(holder); err != nil {
			return Assignment{}, err
		}
	case err == nil:
		return Assignment{}, &TakenError{Addr: addr, Set: s, Holder: holder}
	case !errors.Is(err, backend.ErrNotFound):
		return Assignment{}, err
	}
	as, err := g.putInTurn(index, s, addr)
	return as, notHeld(s, addr, err)
}

// next returns the next address in turn or, if none is free, the one that was released first of
// those that cool. Only a set without either is searched for torn and ended leases, because that
// reads all of its leases.
func (g *grant) next(index int, s Set) (netip.Addr, error) {
	cursor, err := cursorOf(g.tx, index)
	if err != nil {
		return netip.Addr{}, err
	}
	addr, cool, err := g.Cooldown.freeOrCooling(g.tx, s, cursor, g.lease.Since)
	if !errors.Is(err, backend.ErrNoneFree) {
		return addr, err
	}
	n, err := g.endUnheld(s)
	if err != nil {
		return netip.Addr{}, err
	}
	if n > 0 {
		addr, cool, err = g.Cooldown.freeOrCooling(g.tx, s, cursor, g.lease.Since)
	}
	if n == 0 || errors.Is(err, backend.ErrNoneFree) { // What was deleted can be in blocks that the host does not hold.
		return netip.Addr{}, exhausted(g.tx, index, s, cool)
	}
	return addr, err
}

// cursorOf returns the cursor of the set with the given index; zero if the store has none.
func cursorOf(tx backend.ReadTx, index int) (netip.Addr, error) {
	cursor, err := tx.Cursor(strconv.Itoa(index))
	if errors.Is(err, backend.ErrNotFound) {
		return netip.Addr{}, nil
	}
	return cursor, err
}

// freeOrCooling returns a free or a cooling address. If it returns [backend.ErrNoneFree], cool is
// when a cooling one may be leased, zero if none is cooling.
func (c Cooldown) freeOrCooling(tx backend.ReadTx, s Set, cursor netip.Addr, now time.Time) (addr netip.Addr, cool time.Time, err error) {
	addr, err = nextFree(tx, s, cursor)
	if !errors.Is(err, backend.ErrNoneFree) {
		return addr, cool, err
	}
	return c.longestCooling(tx, s, now)
}

// putInTurn is put for an address that the cursor follows. It follows requested addresses too, as in
// host-local. It does not follow preferred ones: the addresses after one of these were released last
// of all.
func (g *grant) putInTurn(index int, s Set, addr netip.Addr) (Assignment, error) {
	as, err := g.put(s, addr)
	if err == nil {
		err = g.tx.SetCursor(strconv.Itoa(index), addr)
	}
	return as, err
}

// put makes the lease.
func (g *grant) put(s Set, addr netip.Addr) (Assignment, error) {
	l := g.lease
	l.Addr = addr
	if err := g.tx.Put(l); err != nil {
		return Assignment{}, err
	}
	if err := count(g.tx, backend.Counts{Made: 1}); err != nil {
		return Assignment{}, err
	}
	as := s.assignment(addr)
	as.Fresh, as.since = true, l.Since
	return as, nil
}

func (s Set) assignment(addr netip.Addr) Assignment {
	r := s.ranges[s.index(addr)]
	return Assignment{Addr: netip.PrefixFrom(addr, r.subnet.Bits()), Gateway: r.gateway}
}

// nextFree returns the first free address of the set after cursor, or
// [backend.ErrNoneFree].
func nextFree(tx backend.ReadTx, s Set, cursor netip.Addr) (netip.Addr, error) {
	for _, span := range s.roundRobin(cursor) {
		addr, err := tx.NextFree(span.First, span.Last)
		if !errors.Is(err, backend.ErrNoneFree) {
			return addr, err
		}
	}
	return netip.Addr{}, backend.ErrNoneFree
}

// leasesIn returns the leases whose addresses are in the set.
func leasesIn(s Set, leases []backend.Lease) []backend.Lease {
	var in []backend.Lease
	for _, l := range leases {
		if s.Contains(l.Addr) {
			in = append(in, l)
		}
	}
	return in
}
