package allocator

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A GarbageFilter finds the leases of a network that belong to no valid attachment, and decides
// which of them may be released and which are spared. The zero GarbageFilter spares none.
//
// It works on leases that were read before: finding out what it needs to know about the
// host can take long, and no lock should be held meanwhile. [ReleaseUnchanged] then deletes
// the leases that it has found.
type GarbageFilter struct {
	// Valid lists the attachments in use. If it is empty, every lease may be released; the
	// caller must make sure that this is meant.
	Valid []backend.Owner

	// From and Until spare the leases dated between them, both seconds included: these are
	// too young for their absence from the list to mean anything. A runtime lists a
	// container only once its ADD is done, and a list lacks containers made after it. A
	// time after Until is ahead of the clock and says nothing about the age; nor does an
	// unknown one. The zero From spares none.
	From, Until time.Time

	// Boot is the present boot. Leases dated before it are not young.
	Boot Boot

	// InUse reports whether the container of a lease is known to exist, whatever the list
	// says. It is called once for each lease that would otherwise be released; nil spares
	// none.
	InUse func(backend.Lease) bool

	// NeverListed reports whether the container of a lease is of a kind that no list
	// includes, so that its absence says nothing; nil spares none. No such container
	// outlives a reboot.
	NeverListed func(backend.Lease) bool
}

// Candidates are the leases that belong to no valid attachment, by what is known about them.
// Each lease is in one of the slices.
type Candidates struct {
	// DatedBeforeBoot may be released: these leases are dated before the present boot, so their
	// containers are gone whatever the list says. If the clock was set since, that can be
	// wrong; then only the list and InUse protect a container.
	DatedBeforeBoot []backend.Lease

	// Unlisted may be released if the list is right. It includes torn leases.
	Unlisted []backend.Lease

	// Young, InUse and NeverListed are spared; [GarbageFilter] gives the reasons.
	Young, InUse, NeverListed []backend.Lease
}

// Classify returns the leases that belong to no valid attachment, in their order.
func (f GarbageFilter) Classify(leases []backend.Lease) Candidates {
	var candidates Candidates
	isGarbage := f.isGarbage()
	for _, l := range leases {
		if isGarbage(l) {
			class := f.classOf(&candidates, l)
			*class = append(*class, l)
		}
	}
	return candidates
}

// classOf returns the slice that l belongs to.
func (f GarbageFilter) classOf(candidates *Candidates, l backend.Lease) *[]backend.Lease {
	earlier := f.Boot.SeemsEarlier(l) // Lease files record no boot.
	switch {
	case !earlier && f.isYoung(l):
		return &candidates.Young
	case f.InUse != nil && f.InUse(l):
		return &candidates.InUse
	case earlier:
		return &candidates.DatedBeforeBoot
	case f.NeverListed != nil && f.NeverListed(l):
		return &candidates.NeverListed
	}
	return &candidates.Unlisted
}

func (f GarbageFilter) isYoung(l backend.Lease) bool {
	if f.From.IsZero() || l.Since.IsZero() {
		return false
	}
	return !l.Since.Before(f.From.Truncate(time.Second)) && !l.Since.After(f.Until)
}

// isGarbage returns a function that reports whether a lease belongs to no valid attachment.
func (f GarbageFilter) isGarbage() func(backend.Lease) bool {
	byContainer := make(map[string][]backend.Owner)
	for _, o := range f.Valid {
		byContainer[o.ContainerID] = append(byContainer[o.ContainerID], o)
	}
	return func(l backend.Lease) bool {
		covers := func(o backend.Owner) bool { return o.Covers(l.Owner) }
		return isTorn(l) || !slices.ContainsFunc(byContainer[l.Owner.ContainerID], covers)
	}
}

// ReleaseUnchanged deletes the leases that have not changed since they were read, and
// returns them. An address that was released or leased again in the meantime is skipped. The
// history of the store has the leases as ended by GC.
//
// More than a few hundred leases take several transactions, and other transactions can run
// in between. If ctx ends or a transaction fails, the leases released before stay released,
// and are returned together with the error. A lease that cannot be deleted does not stop
// the others: the error reports it after all others have been deleted.
func ReleaseUnchanged(ctx context.Context, store backend.Store, leases []backend.Lease) ([]backend.Lease, error) {
	return releaseInPortions(ctx, store, leases, backend.EndedByGC)
}

// unchanged returns the leases that are in the store exactly as they were read before.
func unchanged(tx backend.ReadTx, leases []backend.Lease) (same []backend.Lease, err error) {
	for _, before := range leases {
		l, err := tx.Lease(before.Addr)
		switch {
		case errors.Is(err, backend.ErrNotFound):
		case err != nil:
			return nil, err
		case sameLease(l, before):
			same = append(same, l)
		}
	}
	return same, nil
}

// sameLease reports whether a lease that was read before is still there. A lease is known by its time: what
// else it records, a migration to lease files can have forgotten meanwhile. Without a time, all of it must be
// the same. Times are compared as instants: == would compare their locations too.
func sameLease(now, before backend.Lease) bool {
	if !now.Since.Equal(before.Since) {
		return false
	}
	if now.Since.IsZero() {
		now.Since = before.Since
		return now == before
	}
	return now.Addr == before.Addr && now.Owner == before.Owner
}

// Collect deletes every lease that belongs to no valid attachment, however young, torn ones
// included, and returns them: CNI's GC (SPEC, section 4).
//
// Unlike the operator's tool, it spares no lease, because the caller is the runtime: it
// must not run an ADD or DEL at the same time (SPEC, section 3, Lifecycle & Ordering), and
// the plugin may assume that the namespaces of other attachments are gone (section 2, GC).
// A runtime has no other way to end a lease that is spared here.
//
// A store with few leases is read and collected in one transaction. A larger one is read
// and released in portions, so that the ADDs of other runtimes on the node need not wait
// for all of it. Leases that change meanwhile are skipped; see [ReleaseUnchanged], also for
// the errors.
func Collect(ctx context.Context, store backend.Store, valid []backend.Owner) ([]backend.Lease, error) {
	isGarbage := GarbageFilter{Valid: valid}.isGarbage()
	released, all, err := collectFew(ctx, store, isGarbage)
	if all || err != nil {
		return released, err
	}
	leases, err := ReadLeases(ctx, store)
	if err != nil {
		return nil, err
	}
	return releaseInPortions(ctx, store, filter(leases, isGarbage), backend.EndedByGC)
}

// collectFew is a Collect in one transaction. all reports whether the store had few enough
// leases for that; if not, none were released.
func collectFew(ctx context.Context, store backend.Store, isGarbage func(backend.Lease) bool) (released []backend.Lease, all bool, err error) {
	var garbage []backend.Lease
	var failed error
	err = releaseOrConfirmNone(ctx, store, func(tx backend.ReadTx) (int, error) {
		r := leaseReader{limit: minPortion}
		err := r.read(tx)
		if all = !r.next.IsValid(); !all {
			return 0, err
		}
		garbage = filter(r.leases, isGarbage)
		return len(garbage), err
	}, func(tx backend.Tx) (err error) {
		released, failed, err = endingIn(tx, backend.EndedByGC).whatItCan(garbage)
		return err
	})
	if err != nil {
		return nil, all, err
	}
	return released, all, failed
}

// filter returns the leases for which keep is true, in the same memory.
func filter(leases []backend.Lease, keep func(backend.Lease) bool) []backend.Lease {
	return slices.DeleteFunc(leases, func(l backend.Lease) bool { return !keep(l) })
}

// whatItCan ends the leases that it can, and returns them and the errors of the others. After err the
// transaction must not commit: a lease is deleted, and not recorded.
func (e *ending) whatItCan(leases []backend.Lease) (deleted []backend.Lease, failed, err error) {
	for _, l := range leases {
		if err := e.tx.Delete(l.Addr); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if err := e.record(l); err != nil {
			return nil, nil, err
		}
		deleted = append(deleted, l)
	}
	return deleted, failed, nil
}
