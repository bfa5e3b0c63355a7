package allocator

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// Release deletes the leases of owner and returns them. That there are none is no
// error: CNI lets a runtime repeat a DEL.
//
// Leases that name no interface are deleted only if owner has no others: they
// may be another interface's. An owner without an interface name releases all
// that the container holds. Some dozen leases are released in one transaction, and more as
// [ReleaseUnchanged] does it.
func Release(ctx context.Context, store backend.Store, owner backend.Owner) ([]backend.Lease, error) {
	var released, rest []backend.Lease
	err := releasing(ctx, store, func(tx backend.ReadTx) (int, error) {
		held, err := tx.OwnedBy(owner)
		released, rest = firstPortion(releasable(owner, held))
		return len(released), err
	}, func(tx backend.Tx) error { return deleteAll(tx, released) })
	if err != nil {
		return nil, err
	}
	more, err := releaseInPortions(ctx, store, rest)
	return append(released, more...), err
}

func firstPortion(leases []backend.Lease) (first, rest []backend.Lease) {
	n := min(smallPortion, len(leases))
	return slices.Clip(leases[:n]), leases[n:]
}

// releasing is an Update that finds leases, of which it is told the number, and removes
// them. If it cannot begin, as on a file system that is read-only, a View decides: where
// there is nothing to release, nothing has to be written. In a store that is damaged, or was
// replaced, nothing shows that there is nothing.
func releasing(ctx context.Context, store backend.Store, find func(backend.ReadTx) (int, error), remove func(backend.Tx) error) error {
	began := false
	err := store.Update(ctx, func(tx backend.Tx) error {
		began = true
		if _, err := find(tx); err != nil {
			return err
		}
		return remove(tx)
	})
	if err == nil || began || errors.Is(err, backend.ErrDamaged) || errors.Is(err, backend.ErrReplaced) {
		return err // What began has changed what a View sees, durable or not.
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

func releasable(owner backend.Owner, held []backend.Lease) []backend.Lease {
	another := func(l backend.Lease) bool { return l.Owner != owner }
	if exact := slices.DeleteFunc(slices.Clone(held), another); owner.IfName != "" && len(exact) > 0 {
		return exact
	}
	return held
}

// ReleaseAddrs deletes the leases of the addresses, whoever holds them, and returns
// them in the order of addrs, each once. If one of the addresses is not leased it
// returns an [UnleasedError], and nothing was released.
//
// Some dozen addresses are looked at and released in one transaction. Of more, all are
// looked at first, and then released as [ReleaseUnchanged] does it.
func ReleaseAddrs(ctx context.Context, store backend.Store, addrs []netip.Addr) ([]backend.Lease, error) {
	addrs = eachOnce(addrs)
	if len(addrs) > smallPortion {
		leases, err := readAddrs(ctx, store, addrs)
		if err != nil {
			return nil, err
		}
		return releaseInPortions(ctx, store, leases)
	}
	var released []backend.Lease
	err := store.Update(ctx, func(tx backend.Tx) (err error) {
		if released, err = leasesOf(tx, addrs); err != nil {
			return err
		}
		return deleteAll(tx, released)
	})
	if err != nil {
		return nil, err
	}
	return released, nil
}

func eachOnce(addrs []netip.Addr) (once []netip.Addr) {
	seen := make(map[netip.Addr]bool)
	for _, addr := range addrs {
		if !seen[addr] {
			seen[addr] = true
			once = append(once, addr)
		}
	}
	return once
}

// readAddrs is leasesOf in portions.
func readAddrs(ctx context.Context, store backend.Store, addrs []netip.Addr) (leases []backend.Lease, err error) {
	unleased := &UnleasedError{}
	for some := range slices.Chunk(addrs, readPortion) {
		err := store.View(ctx, func(tx backend.ReadTx) error {
			found, err := leasesOf(tx, some)
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

// leasesOf returns the leases of the addresses, or an UnleasedError.
func leasesOf(tx backend.ReadTx, addrs []netip.Addr) ([]backend.Lease, error) {
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

// An UnleasedError says that addresses were to be released that are not leased.
type UnleasedError struct{ Addrs []netip.Addr }

func (e *UnleasedError) Error() string {
	text := "not leased, and so nothing was released:"
	for _, addr := range e.Addrs {
		text += " " + addr.String()
	}
	return text
}

// Unwrap returns [backend.ErrNotFound].
func (e *UnleasedError) Unwrap() error { return backend.ErrNotFound }
