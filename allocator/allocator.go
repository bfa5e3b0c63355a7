package allocator

import (
	"context"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Duplicate is what to do when an attachment that holds an address of a range
// set asks again.
type Duplicate int

const (
	// Refuse answers with a [DuplicateError], as CNI wants it (SPEC, section
	// 4, ADD).
	Refuse Duplicate = iota

	// Return answers with what the attachment holds, for runtimes that
	// repeat a request. That is renewed: it has the time, the boot, the pod and
	// the network namespace of the request that was answered last.
	Return
)

// Options change what an [Allocator] does. With the zero Options it does what
// host-local does.
type Options struct {
	OnDuplicate Duplicate

	// Boot is the present boot of the machine, as far as it is known.
	Boot Boot

	// ReleaseEarlierBoots lets the first Allocate after a reboot release the leases
	// that are known to be of an earlier boot ([Boot.Ended]): their containers are
	// gone. Of thousands each Allocate releases some, until none is left; those that
	// are left are in nobody's way meanwhile. It has no effect unless both the ID and
	// the start of Boot are known.
	ReleaseEarlierBoots bool

	// Now is the clock; nil stands for [time.Now].
	Now func() time.Time
}

// An Allocator leases the addresses of a pool to attachments. It is safe for use
// by many goroutines, as its store is.
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

// A Request asks for addresses, one of each set of the pool.
type Request struct {
	Owner backend.Owner

	// Addrs are addresses that Owner wants to have, at most one of a set, in
	// any order. Sets of which none is wanted give the next free one.
	Addrs []netip.Addr

	Pod   backend.Pod // recorded with the leases
	Netns string      // recorded with the leases
}

// An Assignment is an address that an attachment holds.
type Assignment struct {
	Addr    netip.Prefix // the address, with the length of its subnet
	Gateway netip.Addr   // zero: none
	Fresh   bool         // leased by this very call

	since time.Time // of a fresh lease: what Undo knows it by
}

// Allocate leases one address of each set, and returns them in the order of the
// sets. It is one transaction: after an error nothing has changed.
//
// The errors, besides those of the store, are [ExhaustedError], [TakenError],
// [DuplicateError] and [RequestError].
func (a *Allocator) Allocate(ctx context.Context, r Request) ([]Assignment, error) {
	requested, err := a.pool.assign(r.Addrs)
	if err != nil {
		return nil, err
	}
	var got []Assignment
	err = a.store.Update(ctx, func(tx backend.Tx) (err error) {
		got, err = a.allocate(tx, r, requested)
		return err
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (a *Allocator) allocate(tx backend.Tx, r Request, requested []netip.Addr) ([]Assignment, error) {
	// First: what was held in an earlier boot is neither taken nor a duplicate.
	ended, err := a.releaseEarlierBoots(tx)
	if err != nil {
		return nil, err
	}
	g := grant{tx: tx, lease: a.leaseFor(r), ended: ended, onDuplicate: a.opts.OnDuplicate}
	if err := g.findHeld(); err != nil {
		return nil, err
	}
	got := make([]Assignment, len(a.pool.sets))
	for i, s := range a.pool.sets {
		if got[i], err = g.from(i, s, requested[i]); err != nil {
			return nil, inRange(i, err)
		}
	}
	return got, nil
}

// leaseFor returns what a lease for r says, but for the address.
func (a *Allocator) leaseFor(r Request) backend.Lease {
	return backend.Lease{
		Owner: r.Owner,
		Since: odd(a.opts.Now().UTC()),
		Boot:  a.opts.Boot.ID,
		Pod:   r.Pod,
		Netns: r.Netns,
	}
}
