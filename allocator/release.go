package allocator

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// Release deletes the leases of owner, if there are any, and returns them. CNI lets a runtime
// repeat a DEL.
//
// Leases that name no interface are deleted only if owner has no others, because they may
// belong to another interface. An owner without an interface name releases all leases of
// the container. Up to a few hundred leases are released in one transaction, more as by
// [ReleaseUnchanged].
//
// The history of the store has the leases as ended by DEL.
func Release(ctx context.Context, store backend.Store, owner backend.Owner) ([]backend.Lease, error) {
	return release(ctx, store, owner, backend.EndedByDEL)
}

// ReleaseContainer is Release for an operator, as the history of the store then says.
func ReleaseContainer(ctx context.Context, store backend.Store, owner backend.Owner) ([]backend.Lease, error) {
	return release(ctx, store, owner, backend.EndedByRelease)
}

func release(ctx context.Context, store backend.Store, owner backend.Owner, cause backend.Cause) ([]backend.Lease, error) {
	var released, rest []backend.Lease
	err := releaseOrConfirmNone(ctx, store, func(tx backend.ReadTx) (int, error) {
		held, err := tx.OwnedBy(owner)
		released, rest = firstPortion(releasable(owner, held))
		return len(released), err
	}, func(tx backend.Tx) error { return endingIn(tx, cause).all(released) })
	if err != nil {
		return nil, err
	}
	more, err := releaseInPortions(ctx, store, rest, cause)
	return append(released, more...), err
}

func firstPortion(leases []backend.Lease) (first, rest []backend.Lease) {
	n := min(minPortion, len(leases))
	return slices.Clip(leases[:n]), leases[n:]
}

// releaseOrConfirmNone runs find and remove in one Update. find returns the number of
// leases to remove. If the Update cannot begin (as on a read-only file system), find runs
// in a View, and it is a success if it finds none. Not for a damaged or replaced store:
// there an empty result proves nothing.
func releaseOrConfirmNone(ctx context.Context, store backend.Store, find func(backend.ReadTx) (int, error), remove func(backend.Tx) error) error {
	began := false
	err := store.Update(ctx, func(tx backend.Tx) error {
		began = true
		if _, err := find(tx); err != nil {
			return err
		}
		return remove(tx)
	})
	if err == nil || began || errors.Is(err, backend.ErrDamaged) || errors.Is(err, backend.ErrReplaced) {
		return err // An Update that began has changed what a View sees, durable or not.
	}
	left := 0
	viewErr := store.View(ctx, func(tx backend.ReadTx) (err error) {
		left, err = find(tx)
		return err
	})
	if viewErr == nil && left == 0 {
		return nil
	}
	return err
}

// releasable returns the leases that a release deletes, of the leases that owner covers: the leases of
// exactly this container and interface, or all if it has none.
func releasable(owner backend.Owner, held []backend.Lease) []backend.Lease {
	another := func(l backend.Lease) bool { return l.Owner != owner }
	if exact := slices.DeleteFunc(slices.Clone(held), another); owner.IfName != "" && len(exact) > 0 {
		return exact
	}
	return held
}

// ReleaseAddrs deletes the leases of the addresses, of any owner, and returns them in the
// order of addrs without duplicates. If an address is not leased, it returns an
// [UnleasedError] and releases nothing.
//
// Up to a few hundred addresses are checked and released in one transaction. With more, all
// are checked first and then released as by [ReleaseUnchanged].
func ReleaseAddrs(ctx context.Context, store backend.Store, addrs []netip.Addr) ([]backend.Lease, error) {
	addrs = unique(addrs)
	if len(addrs) > minPortion {
		leases, err := readLeasesAt(ctx, store, addrs)
		if err != nil {
			return nil, err
		}
		return releaseInPortions(ctx, store, leases, backend.EndedByRelease)
	}
	var released []backend.Lease
	err := store.Update(ctx, func(tx backend.Tx) (err error) {
		if released, err = leasesAt(tx, addrs); err != nil {
			return err
		}
		return endingIn(tx, backend.EndedByRelease).all(released)
	})
	if err != nil {
		return nil, err
	}
	return released, nil
}

func unique(addrs []netip.Addr) (once []netip.Addr) {
	seen := make(map[netip.Addr]bool)
	for _, addr := range addrs {
		if !seen[addr] {
			seen[addr] = true
			once = append(once, addr)
		}
	}
	return once
}

// readLeasesAt is leasesAt in portions.
func readLeasesAt(ctx context.Context, store backend.Store, addrs []netip.Addr) (leases []backend.Lease, err error) {
	unleased := &UnleasedError{}
	for some := range slices.Chunk(addrs, readPortion) {
		err := store.View(ctx, func(tx backend.ReadTx) error {
			found, err := leasesAt(tx, some)
			leases = append(leases, found...)
			return err
		})
		if e := (*UnleasedError)(nil); errors.As(err, &e) {
			unleased.Addrs = append(unleased.Addrs, e.Addrs...)
		} else if err != nil {
			return nil, err
		}
	}
	if len(unleased.Addrs) > 0 {
		return nil, unleased
	}
	return leases, pause(ctx, len(leases) > 0)
}

// leasesAt returns the leases of the addresses, or an UnleasedError.
func leasesAt(tx backend.ReadTx, addrs []netip.Addr) ([]backend.Lease, error) {
	var leases []backend.Lease
	var unleased []netip.Addr
	for _, addr := range addrs {
		l, err := tx.Lease(addr)
		switch {
		case errors.Is(err, backend.ErrNotFound):
			unleased = append(unleased, addr)
		case err != nil:
			return nil, err
		default:
			leases = append(leases, l)
		}
	}
	if len(unleased) > 0 {
		return nil, &UnleasedError{unleased}
	}
	return leases, nil
}

// An UnleasedError means that addresses to release are not leased.
type UnleasedError struct{ Addrs []netip.Addr }

func (e *UnleasedError) Error() string {
	text := "nothing was released, because these addresses are not leased:"
	for _, addr := range e.Addrs {
		text += " " + addr.String()
	}
	return text
}

// Unwrap returns [backend.ErrNotFound].
func (e *UnleasedError) Unwrap() error { return backend.ErrNotFound }
