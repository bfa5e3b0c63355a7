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
// that the container holds.
func Release(ctx context.Context, store backend.Store, owner backend.Owner) ([]backend.Lease, error) {
	var released []backend.Lease
	err := store.Update(ctx, func(tx backend.Tx) error {
		held, err := tx.OwnedBy(owner)
		if err != nil {
			return err
		}
		released = releasable(owner, held)
		return deleteAll(tx, released)
	})
	if err != nil {
		return nil, err
	}
	return released, nil
}

func releasable(owner backend.Owner, held []backend.Lease) []backend.Lease {
	another := func(l backend.Lease) bool { return l.Owner != owner }
	if exact := slices.DeleteFunc(slices.Clone(held), another); owner.IfName != "" && len(exact) > 0 {
		return exact
	}
	return held
}

// Collect deletes every lease that belongs to none of the valid attachments, torn
// ones included, and returns what it deleted: what CNI calls GC (SPEC, section
// 4).
//
// What cannot be deleted does not keep the rest: the error then tells of it, and all
// else has been done.
//
// If valid is empty that is every lease of the network. It is the caller's duty
// to know that this is meant.
func Collect(ctx context.Context, store backend.Store, valid []backend.Owner) ([]backend.Lease, error) {
	byContainer := make(map[string][]backend.Owner)
	for _, o := range valid {
		byContainer[o.ContainerID] = append(byContainer[o.ContainerID], o)
	}
	garbage := func(l backend.Lease) bool {
		covers := func(o backend.Owner) bool { return o.Covers(l.Owner) }
		return isTorn(l) || !slices.ContainsFunc(byContainer[l.Owner.ContainerID], covers)
	}

	var collected []backend.Lease
	var failed error
	err := store.Update(ctx, func(tx backend.Tx) error {
		unwanted, err := pick(tx.Leases(netip.Addr{}), garbage)
		if err != nil {
			return err
		}
		collected, failed = deleteSome(tx, unwanted)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return collected, failed
}

// deleteSome deletes those of the leases that can be deleted, and returns them and
// why the others could not.
func deleteSome(tx backend.Tx, leases []backend.Lease) (deleted []backend.Lease, failed error) {
	for _, l := range leases {
		if err := tx.Delete(l.Addr); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		deleted = append(deleted, l)
	}
	return deleted, failed
}
