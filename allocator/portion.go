package allocator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Many leases are read and released in portions, each a transaction of its own, so that an
// ADD that comes meanwhile waits for one portion and not for all of them.
//
// What it costs to release a lease differs by store, file system and load, by three orders
// of magnitude. So the size of a portion follows from how long the one before it has held
// the lock.
const (
	// smallPortion is the size of the first portion, and the least of any: smaller ones
	// would mostly wait for syncs, and each for its turn. What a container holds is
	// released in one transaction.
	smallPortion = 256

	// largePortion is the most. Beyond it the syncs of a transaction cost next to nothing
	// for each lease, and a machine that becomes busy makes a portion long at once.
	largePortion = 1024

	// portionTime is how long a portion may hold the lock. If it took longer, the next
	// has half the size; if less than half of that, twice.
	portionTime = 30 * time.Millisecond

	// portionPause is how long the lock stays free between two portions. The kernel wakes
	// those who wait in flock(2), and gives the lock to whoever asks first then.
	portionPause = time.Millisecond

	// readPortion is how many leases are read in one transaction. Reading is cheap, but
	// the files store lists its directory in each.
	readPortion = 4096

	// bootPortion is how many leases of earlier boots an Allocate releases. They are
	// released together with a lease that is made, so that the time which that takes is
	// not known beforehand.
	bootPortion = 1024
)

// nextSize returns the size of the portion after one of a size that took so long.
func nextSize(size int, took time.Duration) int {
	switch {
	case took > portionTime:
		return max(size/2, smallPortion)
	case took < portionTime/2:
		return min(size*2, largePortion)
	}
	return size
}

// ReadLeases returns all leases of a store, in ascending order. Many are read in several
// Views, between which others have their turn: each lease was there at some moment, but not
// all of them at the same one.
func ReadLeases(ctx context.Context, store backend.Store) ([]backend.Lease, error) {
	var leases []backend.Lease
	var next netip.Addr
	for more := true; more; more = next.IsValid() {
		if err := store.View(ctx, func(tx backend.ReadTx) (err error) {
			leases, next, err = readSome(leases, tx, next, readPortion)
			return err
		}); err != nil {
			return nil, err
		}
		if err := pause(ctx, next.IsValid()); err != nil {
			return nil, err
		}
	}
	return leases, nil
}

// readSome appends at most limit leases from an address on, and returns the address of the
// lease after them; zero if there is none.
func readSome(leases []backend.Lease, tx backend.ReadTx, from netip.Addr, limit int) (_ []backend.Lease, next netip.Addr, err error) {
	some := 0
	for l, err := range tx.Leases(from) {
		if err != nil {
			return nil, next, err
		}
		if some == limit {
			return leases, l.Addr, nil
		}
		leases, some = append(leases, l), some+1
	}
	return leases, next, nil
}

// releaseInPortions deletes the leases that are still what they were when they were read.
// It stops when ctx ends, or a transaction fails, and returns what was released till then.
func releaseInPortions(ctx context.Context, store backend.Store, leases []backend.Lease) (released []backend.Lease, failed error) {
	size, all := smallPortion, len(leases)
	for len(leases) > 0 {
		p := portion{leases: leases[:min(size, len(leases))]}
		err := p.release(ctx, store)
		released, failed = append(released, p.released...), joined(failed, p.failed)
		leases, size = leases[len(p.leases):], nextSize(size, p.took)
		if err == nil {
			err = pause(ctx, len(leases) > 0)
		}
		if err != nil {
			return released, joined(failed, partly(len(released), all, err))
		}
	}
	return released, failed
}

// pause lets others have the lock if there is more to do, and returns an error if ctx has
// ended meanwhile.
func pause(ctx context.Context, more bool) error {
	if !more {
		return nil
	}
	time.Sleep(portionPause)
	return ctx.Err()
}

// partly says how far a release came that an error ended.
func partly(released, all int, err error) error {
	if released == 0 {
		return err
	}
	return fmt.Errorf("%d of %d leases were released, the others were not: %w", released, all, err)
}

// joined is errors.Join that wraps nothing that is alone.
func joined(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}

// A portion is leases that are released in one transaction.
type portion struct {
	leases   []backend.Lease
	released []backend.Lease
	failed   error         // why some of them were not
	took     time.Duration // from when the lock was there
}

func (p *portion) release(ctx context.Context, store backend.Store) error {
	var still []backend.Lease
	var began time.Time
	err := releasing(ctx, store, func(tx backend.ReadTx) (_ int, err error) {
		began = time.Now()
		still, err = unchanged(tx, p.leases)
		return len(still), err
	}, func(tx backend.Tx) error {
		p.released, p.failed = deleteSome(tx, still)
		return nil
	})
	p.took = time.Since(began)
	if err != nil {
		p.released, p.failed = nil, nil
	}
	return err
}
