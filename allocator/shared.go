package allocator

import (
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A MembershipError means that a store is shared with other hosts, and that this host may not
// lease from it now.
type MembershipError struct {
	// Membership is zero if the store is not shared.
	Membership backend.Membership

	// Boot is the present boot; empty if it is not known.
	Boot string

	// Space is the space that the store must be a member of; empty if it can be any.
	Space string
}

func (e *MembershipError) Error() string {
	if e.isOther() {
		return fmt.Sprintf("the addresses of %s are shared with other hosts, and this store is not a member", e.Space)
	}
	text := fmt.Sprintf("host %s shares the addresses of %s with other hosts and may not lease any now: ",
		e.Membership.Host, e.Membership.Space)
	switch {
	case e.Membership.Stopped != "":
		return text + e.Membership.Stopped
	case e.Boot == "":
		return text + "the boot of the machine is not known"
	case e.Membership.Attested == "":
		return text + "its store was restored or repaired, and was not compared with what they know since"
	}
	return text + "they have not confirmed its addresses since the machine was booted"
}

// isOther reports whether the store is not a member of the right space.
func (e *MembershipError) isOther() bool { return e.Space != "" && e.Membership.Space != e.Space }

// A NotHeldError means that a requested address belongs to another host with which the store is
// shared, or to none yet.
type NotHeldError struct {
	Addr netip.Addr
	Set  Set
}

func (e *NotHeldError) Error() string {
	return fmt.Sprintf("requested IP address %s is not available in range set %s: %s", e.Addr, e.Set, backend.ErrNotHeld)
}

// Unwrap returns [backend.ErrNotHeld].
func (e *NotHeldError) Unwrap() error { return backend.ErrNotHeld }

// checkMembership returns a [MembershipError] if the store is shared and the host may not lease
// from it in the present boot. A host that was switched off can have lost its blocks meanwhile,
// to another one that has them now.
func (a *Allocator) checkMembership(tx backend.ReadTx) error {
	m, err := tx.Membership()
	if err != nil {
		return err
	}
	e := &MembershipError{Membership: m, Boot: a.opts.Boot.ID, Space: a.opts.Space}
	switch {
	case e.isOther():
		return e
	case m.IsZero():
		return nil
	case m.Stopped != "", m.Attested == "", m.Attested != e.Boot:
		return e
	}
	return nil
}

// checkStopped is checkMembership, but lets a host pass that only has to be confirmed.
func (a *Allocator) checkStopped(tx backend.ReadTx) error {
	err := a.checkMembership(tx)
	if e := (*MembershipError)(nil); errors.As(err, &e) && !e.isOther() && e.Membership.Stopped == "" {
		return nil
	}
	return err
}

// notHeld gives an error of a requested address that the host does not hold its type.
func notHeld(s Set, addr netip.Addr, err error) error {
	if errors.Is(err, backend.ErrNotHeld) {
		return &NotHeldError{addr, s}
	}
	return err
}

// exhausted returns the error for a set without a free address. Of a shared store it counts what
// this host holds.
func exhausted(tx backend.ReadTx, index int, s Set, cool time.Time) error {
	e := exhaustedError(index, s, cool)
	held, shared, err := Held(tx)
	switch {
	case err != nil:
		return err
	case !shared:
		return e
	}
	e.Shared, e.Leased = true, 0
	for _, span := range held {
		e.Leased = addSizes(e.Leased, s.leasableIn(span))
	}
	return e
}

// leasableIn returns how many leasable addresses of the set are in the span.
func (s Set) leasableIn(span Span) (n uint64) {
	for _, r := range s.ranges {
		for i := r.searchSpans(span.First); i < len(r.leasable) && r.leasable[i].overlaps(span); i++ {
			n = addSizes(n, r.leasable[i].Intersect(span).Size())
		}
	}
	return n
}

// Held returns the addresses that the host may lease, in ascending order, if the store is shared. If it
// is not, shared is false, and all addresses may be leased.
func Held(tx backend.ReadTx) (held []Span, shared bool, err error) {
	m, err := tx.Membership()
	if err != nil || m.IsZero() {
		return nil, false, err
	}
	for b, err := range tx.Blocks(netip.Addr{}) {
		if err != nil {
			return nil, true, err
		}
		if b.State == backend.Open {
			held = append(held, Span{First: b.First, Last: b.Last})
		}
	}
	return held, true, nil
}

// holds returns a function that reports whether the host may lease an address: always, unless the
// store is shared.
func holds(tx backend.ReadTx) (func(netip.Addr) bool, error) {
	held, shared, err := Held(tx)
	return func(addr netip.Addr) bool {
		i := sort.Search(len(held), func(i int) bool { return !held[i].Last.Less(addr) })
		return !shared || i < len(held) && held[i].Contains(addr)
	}, err
}
