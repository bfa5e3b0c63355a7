package allocator

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Duplicate is the answer to an attachment that holds an address of a range set and asks
// again.
type Duplicate int

const (
	// RefuseDuplicate answers with a [DuplicateError], as CNI requires (SPEC, section 4, ADD).
	RefuseDuplicate Duplicate = iota

	// ReturnExisting answers with the leases that the attachment holds, for runtimes that repeat a
	// request. They are renewed: they get the time, boot, pod and network namespace of the
	// latest request.
	ReturnExisting
)

// Options change what an [Allocator] does. The zero Options make it behave as host-local
// does.
type Options struct {
	OnDuplicate Duplicate

	// Boot is the present boot of the machine, as far as it is known.
	Boot Boot

	// ReleaseEarlierBoots makes the first Allocate after a reboot release the leases that
	// are known to be from an earlier boot ([Boot.Ended]): their containers are gone. If
	// there are thousands, each Allocate releases a portion; the rest block nothing
	// meanwhile. It has no effect unless both the ID and the start of Boot are known.
	ReleaseEarlierBoots bool

	// Space is the space that the store must be a member of. If it is empty, a store that is
	// shared leases what its host holds, and any other store all addresses of the pool.
	Space string

	// History says which ended leases the store keeps from the next Allocate on, if it can keep
	// any: see [backend.HistoryTx].
	History History

	// Cooldown says when released addresses can be leased again, from the next Allocate on, if
	// addresses can cool in the store: see [backend.CoolingTx]. A requested address is leased
	// however short a time ago it was released.
	Cooldown Cooldown

	// Prefer says which address is leased if none is requested. It needs a store that keeps a
	// History: see [backend.HistoryTx].
	Prefer Preference

	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// An Allocator leases the addresses of a pool to attachments. It is safe for concurrent
// use.
type Allocator struct {
	store backend.Store
	pool  Pool
	opts  Options
}

// New returns an Allocator that keeps the leases of pool in store.
func New(store backend.Store, pool Pool, o Options) *Allocator {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Allocator{store: store, pool: pool, opts: o}
}

// A Request asks for one address of each set of the pool.
type Request struct {
	Owner backend.Owner

	// Addrs are the addresses to lease, at most one of each set, in any order. A set
	// without a requested address gives its next free one.
	Addrs []netip.Addr

	Pod   backend.Pod // recorded with the leases
	Netns string      // recorded with the leases
}

// An Assignment is an address that an attachment holds.
type Assignment struct {
	Addr    netip.Prefix // the address, with the length of its subnet
	Gateway netip.Addr   // zero: none
	Fresh   bool         // leased by this call

	since time.Time // of a fresh lease; Undo recognizes the lease by it
}

// Allocate leases one address of each set and returns them in the order of the sets. It is
// one transaction: after an error nothing has changed.
//
// Besides errors of the store, it returns [ExhaustedError], [TakenError], [DuplicateError]
// and [RequestError], and for a shared store [MembershipError] and [NotHeldError].
func (a *Allocator) Allocate(ctx context.Context, r Request) ([]Assignment, error) {
	requested, err := a.pool.requestedBySet(r.Addrs)
	if err != nil {
		return nil, err
	}
	var got []Assignment
	var noted bool
	err = a.store.Update(ctx, func(tx backend.Tx) (err error) {
		got, noted, err = a.allocate(tx, r, requested)
		return err
	})
	if exhausted := (*ExhaustedError)(nil); noted && errors.As(err, &exhausted) {
		_ = a.noteAlone(ctx) // The next Allocate notes it.
	}
	if err != nil {
		return nil, err
	}
	return got, nil
}

// noteAlone notes what an Allocate that failed has undone.
func (a *Allocator) noteAlone(ctx context.Context) error {
	return a.store.Update(ctx, func(tx backend.Tx) error {
		_, _, err := a.note(tx, a.endedByBoot(tx))
		return err
	})
}

// note has the store remember what each Allocate notes, also one that finds no address: otherwise a store that is
// full would learn no boot, so that its leases outlive each reboot, and no cooldown, so that the next releases
// let their addresses be leased at once. It returns which leases have ended, and whether it has
// noted anything.
func (a *Allocator) note(tx backend.Tx, boot *ending) (ended func(backend.Lease) bool, noted bool, err error) {
	changed, err := policy{History: a.opts.History, Cooldown: a.opts.Cooldown}.set(tx)
	if err != nil {
		return ended, false, err
	}
	// First, because a lease from an earlier boot is neither taken nor a duplicate.
	ended, searched, err := a.releaseEarlierBoots(boot)
	return ended, changed || searched, err
}

// endedByBoot returns an ending of the leases of earlier boots: no container outlives the boot of its
// lease.
func (a *Allocator) endedByBoot(tx backend.Tx) *ending {
	return &ending{tx: tx, cause: backend.EndedByBoot, at: a.opts.Boot.Started}
}

// allocate is Allocate in a transaction. noted is what note returns.
func (a *Allocator) allocate(tx backend.Tx, r Request, requested []netip.Addr) (got []Assignment, noted bool, err error) {
	if err := a.checkMembership(tx); err != nil {
		return nil, false, err
	}
	boot := a.endedByBoot(tx)
	ended, noted, err := a.note(tx, boot)
	if err != nil {
		return nil, noted, err
	}
	if err := a.opts.Cooldown.endCooling(tx, a.opts.Now()); err != nil {
		return nil, noted, err
	}
	if err := a.indexPods(tx); err != nil {
		return nil, noted, err
	}
	g := grant{tx: tx, Options: a.opts, lease: a.leaseFor(r), ended: ended, boot: boot}
	if err := g.findHeld(); err != nil {
		return nil, noted, err
	}
	got = make([]Assignment, len(a.pool.sets))
	for i, s := range a.pool.sets {
		if got[i], err = g.leaseFrom(i, s, requested[i]); err != nil {
			return nil, noted, wrapRange(i, err)
		}
	}
	return got, noted, nil
}

// leaseFor returns a lease for r without its address.
func (a *Allocator) leaseFor(r Request) backend.Lease {
	return backend.Lease{
		Owner: r.Owner,
		Since: oddNanosecond(a.opts.Now().UTC()),
		Boot:  a.opts.Boot.ID,
		Pod:   r.Pod,
		Netns: r.Netns,
	}
}
