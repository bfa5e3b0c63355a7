package allocator

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Sweep finds the leases of a network that belong to none of the valid attachments, and
// says which of them may be released and which are spared all the same. The zero Sweep
// spares none.
//
// It is a pure function of the leases it is given: what it has to be told about the host
// can take long to find out, and no lock should be held meanwhile. [ReleaseUnchanged]
// then deletes what it has found.
type Sweep struct {
	// Valid are the attachments that are in use. If it is empty, every lease may be
	// released, and it is the caller's duty to know that this is meant.
	Valid []backend.Owner

	// From and Until spare the leases dated from the one to the other, both seconds
	// included: they are too young to be missed on a list. A runtime lists a container
	// only once its ADD is done, and a list has none that came after it. A time
	// after Until is ahead of the clock and says nothing about the age. Nor does an
	// unknown one. The zero From spares none.
	From, Until time.Time

	// Boot is the present boot. Leases dated before it are not young.
	Boot Boot

	// InUse reports whether the container of a lease is known to be there, whatever
	// the list says. It is asked once about each lease that would be released
	// otherwise; nil spares none.
	InUse func(backend.Lease) bool

	// NeverListed reports whether the container of a lease is of a kind that is on no
	// list, so that its absence says nothing; nil spares none. No such container
	// outlives a reboot.
	NeverListed func(backend.Lease) bool
}

// Sorted are leases that belong to no valid attachment, each in one of the slices.
type Sorted struct {
	// EarlierBoot may be released: these leases are dated before the present boot, so
	// that their containers are gone whatever the list says. A clock that was set
	// since can make that wrong; then only the list and InUse protect a container.
	EarlierBoot []backend.Lease

	// Unlisted may be released if the list is right. Torn leases are among them.
	Unlisted []backend.Lease

	// Young, InUse and NeverListed are spared, for the reasons that [Sweep] gives.
	Young, InUse, NeverListed []backend.Lease
}

// Sort sorts the leases. Their order stays.
func (s Sweep) Sort(leases []backend.Lease) Sorted {
	var sorted Sorted
	unwanted := s.unwanted()
	for _, l := range leases {
		if unwanted(l) {
			into := s.place(&sorted, l)
			*into = append(*into, l)
		}
	}
	return sorted
}

// place returns the slice that l belongs into.
func (s Sweep) place(sorted *Sorted, l backend.Lease) *[]backend.Lease {
	earlier := s.ofEarlierBoot(l)
	switch {
	case !earlier && s.isYoung(l):
		return &sorted.Young
	case s.InUse != nil && s.InUse(l):
		return &sorted.InUse
	case earlier:
		return &sorted.EarlierBoot
	case s.NeverListed != nil && s.NeverListed(l):
		return &sorted.NeverListed
	}
	return &sorted.Unlisted
}

// ofEarlierBoot goes by the time, as lease files have nothing else. But a lease that
// names this very boot is of this boot, whatever was done to the clock, or the machine
// has the same boot ID after every start: then its time decides nothing.
func (s Sweep) ofEarlierBoot(l backend.Lease) bool {
	ofThisBoot := l.Boot != "" && l.Boot == s.Boot.ID
	return s.Boot.StartedAfter(l) && !ofThisBoot
}

func (s Sweep) isYoung(l backend.Lease) bool {
	if s.From.IsZero() || l.Since.IsZero() {
		return false
	}
	return !l.Since.Before(s.From.Truncate(time.Second)) && !l.Since.After(s.Until)
}

// unwanted returns what reports whether a lease belongs to no valid attachment.
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

// ReleaseUnchanged deletes the leases that are still what they were when they were read,
// and returns them. An address that was released or leased anew in the meantime is passed
// over.
//
// More than some dozen leases take several transactions, between which others have their
// turn. If ctx ends, or a transaction fails, what was released before stays released: it is
// returned together with the error. A lease that cannot be deleted does not keep the rest:
// the error then tells of it, and all else has been done.
func ReleaseUnchanged(ctx context.Context, store backend.Store, leases []backend.Lease) ([]backend.Lease, error) {
	return releaseInPortions(ctx, store, leases)
}

// unchanged returns the leases that are in the store as they were read before.
func unchanged(tx backend.ReadTx, leases []backend.Lease) (still []backend.Lease, err error) {
	for _, before := range leases {
		l, err := tx.Lease(before.Addr)
		switch {
		case errors.Is(err, backend.ErrNotFound):
		case err != nil:
			return nil, err
		case sameLease(l, before):
			still = append(still, l)
		}
	}
	return still, nil
}

// sameLease compares times by the instant: a time.Time has a location besides.
func sameLease(a, b backend.Lease) bool {
	same := a.Since.Equal(b.Since)
	a.Since, b.Since = time.Time{}, time.Time{}
	return same && a == b
}

// Collect deletes every lease that belongs to none of the valid attachments, however
// young, torn ones included, and returns them: what CNI calls GC (SPEC, section 4).
//
// No lease is spared, other than by the tool for operators, because the caller is the
// runtime: it must not run an ADD or DEL at the same time (SPEC, section 3, Lifecycle &
// Ordering), and the plugin may assume that the namespaces of other attachments are
// gone (section 2, GC). A lease that is spared here is one that a runtime cannot end.
//
// A store of few leases is read and collected in one transaction. Of many, it reads and
// releases portions, so that the ADDs of other runtimes on the node need not wait for all of
// it; what changes meanwhile is passed over: see [ReleaseUnchanged], also for the errors.
func Collect(ctx context.Context, store backend.Store, valid []backend.Owner) ([]backend.Lease, error) {
	unwanted := Sweep{Valid: valid}.unwanted()
	released, all, err := collectFew(ctx, store, unwanted)
	if all || err != nil {
		return released, err
	}
	leases, err := ReadLeases(ctx, store)
	if err != nil {
		return nil, err
	}
	return releaseInPortions(ctx, store, only(leases, unwanted))
}

// collectFew is a Collect in one transaction. It reports whether the store had few enough
// leases for that; if not, it has released none.
func collectFew(ctx context.Context, store backend.Store, unwanted func(backend.Lease) bool) (released []backend.Lease, all bool, err error) {
	var garbage []backend.Lease
	var failed error
	err = releasing(ctx, store, func(tx backend.ReadTx) (int, error) {
		leases, next, err := readSome(nil, tx, netip.Addr{}, smallPortion)
		if all = !next.IsValid(); !all {
			return 0, err
		}
		garbage = only(leases, unwanted)
		return len(garbage), err
	}, func(tx backend.Tx) error {
		released, failed = deleteSome(tx, garbage)
		return nil
	})
	if err != nil {
		return nil, all, err
	}
	return released, all, failed
}

// only returns the leases of which is is true, in the same memory.
func only(leases []backend.Lease, is func(backend.Lease) bool) []backend.Lease {
	return slices.DeleteFunc(leases, func(l backend.Lease) bool { return !is(l) })
}

// deleteSome deletes the leases that can be deleted, and returns them and why the others
// could not.
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
