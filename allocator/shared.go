package allocator

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// A MembershipError means that a store is shared with other hosts, and that this host may not
// lease from it now.
type MembershipError struct {
	Membership backend.Membership

	// Boot is the present boot; empty if it is not known.
	Boot string
}

func (e *MembershipError) Error() string {
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
	if err != nil || m.IsZero() {
		return err
	}
	if boot := a.opts.Boot.ID; m.Stopped != "" || m.Attested == "" || m.Attested != boot {
		return &MembershipError{m, boot}
	}
	return nil
}

// checkStopped is checkMembership without the present boot.
func checkStopped(tx backend.ReadTx) error {
	m, err := tx.Membership()
	if err == nil && m.Stopped != "" {
		err = &MembershipError{Membership: m}
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
func exhausted(tx backend.ReadTx, index int, s Set) error {
	e := exhaustedError(index, s)
	m, err := tx.Membership()
	switch {
	case err != nil:
		return err
	case m.IsZero():
		return e
	}
	e.Shared, e.Leased = true, 0
	for b, err := range tx.Blocks(netip.Addr{}) {
		if err != nil {
			return err
		}
		if b.State == backend.Open {
			e.Leased = addSizes(e.Leased, s.leasableIn(Span{First: b.First, Last: b.Last}))
		}
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
