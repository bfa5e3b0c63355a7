package allocator

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Sweep says which leases of a network are garbage: those that belong to none of
// the valid attachments, torn ones included.
//
// If Valid is empty that is every lease of the network. It is the caller's duty to
// know that this is meant.
type Sweep struct {
	// Valid are the attachments that are in use.
	Valid []backend.Owner

	// Before spares the leases made at that time or later: a list of
	// attachments does not know those that were made after it. Stores keep
	// whole seconds, so all of that second is spared. A lease whose time is
	// not known is not young. The zero Before spares none.
	Before time.Time
}

// Find returns what Collect would delete, and what is spared only because it is
// young. It writes nothing.
func (s Sweep) Find(ctx context.Context, store backend.Store) (garbage, spared []backend.Lease, err error) {
	err = store.View(ctx, func(tx backend.ReadTx) (err error) {
		garbage, spared, err = s.sort(tx)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return garbage, spared, nil
}

// Collect deletes the garbage and returns it, and what is spared only because it is
// young.
//
// What cannot be deleted does not keep the rest: the error then tells of it, and all
// else has been done.
func (s Sweep) Collect(ctx context.Context, store backend.Store) (collected, spared []backend.Lease, err error) {
	var garbage []backend.Lease
	var failed error
	err = releasing(ctx, store, func(tx backend.ReadTx) (_ int, err error) {
		garbage, spared, err = s.sort(tx)
		return len(garbage), err
	}, func(tx backend.Tx) error {
		collected, failed = deleteSome(tx, garbage)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return collected, spared, failed
}

// sort tells what is garbage from what would be if it were older.
func (s Sweep) sort(tx backend.ReadTx) (garbage, spared []backend.Lease, err error) {
	unwanted, err := pick(tx.Leases(netip.Addr{}), s.unwanted())
	for _, l := range unwanted {
		if s.isYoung(l) {
			spared = append(spared, l)
		} else {
			garbage = append(garbage, l)
		}
	}
	return garbage, spared, err
}

// unwanted returns what reports whether a lease belongs to nobody, whatever its age.
func (s Sweep) unwanted() func(backend.Lease) bool {
	byContainer := make(map[string][]backend.Owner)
	for _, o := range s.Valid {
		byContainer[o.ContainerID] = append(byContainer[o.ContainerID], o)
	}
	return func(l backend.Lease) bool {
		covers := func(o backend.Owner) bool { return o.Covers(l.Owner) }
		return isTorn(l) || !slices.ContainsFunc(byContainer[l.Owner.ContainerID], covers)
	}
}

func (s Sweep) isYoung(l backend.Lease) bool {
	if s.Before.IsZero() || l.Since.IsZero() {
		return false
	}
	return !l.Since.Before(s.Before.Truncate(time.Second))
}

// Collect deletes every lease that belongs to none of the valid attachments, however
// young, as [Sweep.Collect] does: what CNI calls GC (SPEC, section 4).
func Collect(ctx context.Context, store backend.Store, valid []backend.Owner) ([]backend.Lease, error) {
	collected, _, err := Sweep{Valid: valid}.Collect(ctx, store)
	return collected, err
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
