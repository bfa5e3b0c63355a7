package allocator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Many leases are read and released in portions, each in its own transaction, so that a
// concurrent ADD waits for one portion and not for all of them.
//
// The cost of releasing a lease varies by three orders of magnitude with store, file system
// and load. So the size of each portion depends on how long the one before it held the
// lock.
const (
	// minPortion is the size of the first portion, and the minimum. Smaller portions would
	// mostly wait for syncs, and for the lock. The leases of one container fit into one
	// portion.
	minPortion = 256

	// maxPortion is the maximum. In larger portions the cost of the syncs per lease is
	// negligible, and when a machine becomes busy they take too long at once.
	maxPortion = 1024

	// maxPortionTime is how long a portion should hold the lock at most. After a portion
	// that took longer the size is halved; after one that took less than half of it,
	// doubled.
	maxPortionTime = 30 * time.Millisecond

	// portionPause is how long the lock stays free between two portions. The kernel wakes
	// the processes that wait in flock(2) and gives the lock to the first that asks.
	portionPause = time.Millisecond

	// readPortion is how many leases are read in the first transaction, and in each one if
	// the store needs no time to begin.
	readPortion = 4096

	// usagePortion is how many runs of leased addresses are counted in one transaction. A run
	// takes two lookups, and the files store reads a lease for one of them.
	usagePortion = 4096

	// bootPortion is how many leases from earlier boots an Allocate releases. Its size is
	// fixed, because they are released in the transaction of the Allocate, whose duration
	// is not known beforehand.
	bootPortion = 1024
)

// nextSize returns the size of the portion that follows one of the given size and duration.
func nextSize(size int, took time.Duration) int {
	switch {
	case took > maxPortionTime:
		return max(size/2, minPortion)
	case took < maxPortionTime/2:
		return min(size*2, maxPortion)
	}
	return size
}

// ReadLeases returns all leases of a store, in ascending order. It reads many leases in
// several Views, so that other transactions can run in between: the leases are not a
// snapshot.
func ReadLeases(ctx context.Context, store backend.Store) (all []backend.Lease, err error) {
	err = ReadPortions(ctx, store, func(some []backend.Lease) error {
		all = append(all, some...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// ReadPortions is ReadLeases for callers that do not need all leases at a time: it calls fn with
// the leases of each View, between Views. fn must not keep the slice. ReadPortions returns an error
// of fn.
func ReadPortions(ctx context.Context, store backend.Store, fn func([]backend.Lease) error) error {
	r := leaseReader{limit: readPortion}
	for more := true; more; more = r.next.IsValid() {
		r.leases = r.leases[:0]
		if err := store.View(ctx, r.read); err != nil {
			return err
		}
		if err := fn(r.leases); err != nil {
			return err
		}
		if err := pause(ctx, r.next.IsValid()); err != nil {
			return err
		}
	}
	return nil
}

// A leaseReader reads leases in portions.
type leaseReader struct {
	leases []backend.Lease // of the portion
	next   netip.Addr      // of the first lease that is not read; zero if all are
	limit  int
}

// read reads a portion. If its first lease took longer than all the others, the next portion
// is twice as large: the files store lists its directory in each transaction, and with 65,000
// leases would spend most of the time on that.
func (r *leaseReader) read(tx backend.ReadTx) error {
	began := time.Now()
	first, some := began, 0
	for l, err := range tx.Leases(r.next) {
		switch {
		case err != nil:
			return err
		case some == 0:
			first = time.Now()
		case some == r.limit:
			r.next = l.Addr
			if first.Sub(began) > time.Since(first) {
				r.limit *= 2
			}
			return nil
		}
		r.leases, some = append(r.leases, l), some+1
	}
	r.next = netip.Addr{}
	return nil
}

// releaseInPortions deletes the leases that have not changed since they were read. It stops
// when ctx ends or a transaction fails, and returns the leases released until then.
func releaseInPortions(ctx context.Context, store backend.Store, leases []backend.Lease, cause backend.Cause) (released []backend.Lease, failed error) {
	return portion{leases: leases, cause: cause}.releaseAll(ctx, store)
}

// releaseAll is releaseInPortions for the leases of p, in portions like p.
func (p portion) releaseAll(ctx context.Context, store backend.Store) (released []backend.Lease, failed error) {
	leases := p.leases
	size, all := minPortion, len(leases)
	for len(leases) > 0 {
		p := portion{leases: leases[:min(size, len(leases))], cause: p.cause, at: p.at}
		err := p.release(ctx, store)
		released, failed = append(released, p.released...), joinErrors(failed, p.failed)
		leases, size = leases[len(p.leases):], nextSize(size, p.took)
		if err == nil {
			err = pause(ctx, len(leases) > 0)
		}
		if err != nil {
			return released, joinErrors(failed, partialError(len(released), all, err))
		}
	}
	return released, failed
}

// pause leaves the lock free for a moment if there is more to do, and returns an error if
// ctx has ended meanwhile.
func pause(ctx context.Context, more bool) error {
	if !more {
		return nil
	}
	time.Sleep(portionPause)
	return ctx.Err()
}

// partialError says how many leases were released before err.
func partialError(released, all int, err error) error {
	if released == 0 {
		return err
	}
	return fmt.Errorf("%d of %d leases were released, the others were not: %w", released, all, err)
}

// joinErrors is errors.Join, but returns a single error unwrapped.
func joinErrors(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}

// A portion is a batch of leases that is released in one transaction.
type portion struct {
	leases   []backend.Lease
	cause    backend.Cause
	at       time.Time // when the leases ended; zero: now
	released []backend.Lease
	failed   error         // why some could not be deleted
	took     time.Duration // since the lock was obtained
}

func (p *portion) release(ctx context.Context, store backend.Store) error {
	var same []backend.Lease
	var began time.Time
	err := releaseOrConfirmNone(ctx, store, func(tx backend.ReadTx) (_ int, err error) {
		began = time.Now()
		same, err = unchanged(tx, p.leases)
		return len(same), err
	}, func(tx backend.Tx) (err error) {
		e := endingIn(tx, p.cause)
		if !p.at.IsZero() {
			e.at = p.at
		}
		p.released, p.failed, err = e.whatItCan(same)
		return err
	})
	p.took = time.Since(began)
	if err != nil {
		p.released, p.failed = nil, nil
	}
	return err
}
