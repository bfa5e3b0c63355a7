package allocator

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Check returns a [MissingError] unless owner holds at least one lease, and holds each of
// addrs that is in the pool or leased. Other addresses outside the pool belong to other plugins.
func (a *Allocator) Check(ctx context.Context, owner backend.Owner, addrs []netip.Addr) error {
	return a.store.View(ctx, func(tx backend.ReadTx) error {
		held, err := tx.OwnedBy(owner)
		if err != nil {
			return err
		}
		if len(held) == 0 {
			return &MissingError{Owner: owner}
		}
		for _, addr := range addrs {
			if err := a.checkAddr(tx, owner, addr.Unmap()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *Allocator) checkAddr(tx backend.ReadTx, owner backend.Owner, addr netip.Addr) error {
	l, err := tx.Lease(addr)
	switch {
	case !a.pool.Contains(addr) && (errors.Is(err, backend.ErrNotFound) || errors.Is(err, backend.ErrInvalid)):
		return nil
	case errors.Is(err, backend.ErrNotFound):
		return &MissingError{Owner: owner, Addr: addr}
	case err != nil:
		return err
	case !owner.Covers(l.Owner):
		return &MissingError{Owner: owner, Addr: addr, Holder: l}
	}
	return nil
}

// Status returns an [ExhaustedError] if Allocate would find no address in a set of the
// pool, and a [MembershipError] if the store is shared and an operator has to decide before this
// host leases again. It reads what Allocate would read, and returns the error if the store cannot.
func (a *Allocator) Status(ctx context.Context) error {
	return a.store.View(ctx, func(tx backend.ReadTx) error {
		if err := a.checkStopped(tx); err != nil {
			return err
		}
		ended, err := a.readAsAllocate(tx)
		if err != nil {
			return err
		}
		for i, s := range a.pool.sets {
			left, cool, err := a.hasAddress(tx, i, s, ended)
			if err != nil {
				return err
			}
			if !left {
				return exhausted(tx, i, s, cool)
			}
		}
		return nil
	})
}

// noContainer is an ID that no container has: the CNI specification has them begin with a letter or a
// digit.
const noContainer = "-"

// readAsAllocate reads what each Allocate reads before it looks for an address, whatever it is asked for:
// what a store that can only show its free addresses would fail with. The files store has no index, so
// that one lease that cannot be read fails every Allocate. ended reports whether Allocate would release
// a lease because it is from an earlier boot; it can be nil.
func (a *Allocator) readAsAllocate(tx backend.ReadTx) (ended func(backend.Lease) bool, err error) {
	if _, err := policyOf(tx); err != nil {
		return nil, err
	}
	ended, _, err = a.endedByReboot(tx)
	if err != nil {
		return nil, err
	}
	if ended != nil {
		if _, err := ofEarlierBoots(tx, ended); err != nil {
			return nil, err
		}
	}
	if err := a.opts.Cooldown.readCool(tx, a.opts.Now()); err != nil {
		return nil, err
	}
	_, err = tx.OwnedBy(backend.Owner{ContainerID: noContainer})
	return ended, err
}

// hasAddress reports whether Allocate would find an address in the set with the given index, after
// releasing torn leases and those for which ended is true if necessary. If not, cool is when a cooling
// one may be leased, zero if none is cooling.
func (a *Allocator) hasAddress(tx backend.ReadTx, index int, s Set, ended func(backend.Lease) bool) (left bool, cool time.Time, err error) {
	cursor, err := cursorOf(tx, index)
	if err != nil {
		return false, cool, err
	}
	_, cool, err = a.opts.Cooldown.freeOrCooling(tx, s, cursor, a.opts.Now())
	if !errors.Is(err, backend.ErrNoneFree) {
		return err == nil, cool, err
	}
	for l, err := range s.leases(tx) {
		if err != nil {
			return false, cool, err
		}
		if isTorn(l) || ended != nil && ended(l) {
			return true, cool, nil
		}
	}
	return false, cool, nil
}
