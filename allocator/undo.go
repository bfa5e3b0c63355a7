package allocator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Undo releases what an Allocate for owner has leased, for a caller that cannot use it.
// Leases that owner held before stay. So does an address that was released and leased again
// meanwhile, to any owner, or that another Allocate has returned to owner: its container
// may be running.
//
// If the store's times are too coarse to tell a lease from a later one of the same owner,
// the lease stays, and the error says so.
func (a *Allocator) Undo(ctx context.Context, owner backend.Owner, got []Assignment) error {
	var fresh []Assignment
	for _, as := range got {
		if as.Fresh {
			fresh = append(fresh, as)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	var unsure error
	err := a.store.Update(ctx, func(tx backend.Tx) error {
		for _, as := range fresh {
			err := as.undo(tx, owner)
			if errors.Is(err, errCoarseTimes) {
				unsure = errors.Join(unsure, err)
				continue
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, unsure)
}

var errCoarseTimes = errors.New("the times of the store are too coarse to tell this lease from a later one")

func (as Assignment) undo(tx backend.Tx, owner backend.Owner) error {
	addr := as.Addr.Addr()
	l, err := tx.Lease(addr)
	if errors.Is(err, backend.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	unit := unitOf(l.Since)
	switch {
	case l.Owner != owner || !as.since.Truncate(unit).Equal(l.Since):
		return nil
	case unit > finestUnit:
		return fmt.Errorf("%s stays leased to %s until its DEL: %w", addr, owner, errCoarseTimes)
	}
	if err := tx.Delete(addr); err != nil { // not in the history: the ADD has not happened
		return err
	}
	return count(tx, backend.Counts{Undone: 1})
}

// finestUnit is the longest unit of time within which other processes cannot release an
// address and lease it again.
const finestUnit = 10 * time.Microsecond

// oddNanosecond returns t or the next nanosecond, whichever is odd. A store that rounds
// times then shows it, whatever unit the clock counts in.
func oddNanosecond(t time.Time) time.Time { return t.Add(time.Duration(1 - t.Nanosecond()&1)) }

// unitOf returns the unit in which the time of a lease was recorded, as far as the time
// shows. File systems record file times in units of 1 ns (ext4, XFS, Btrfs, tmpfs), 100 ns
// (NTFS, SMB), 10 ms (exFAT), 1 s (ext3, SFTP) or 2 s (FAT).
func unitOf(t time.Time) time.Duration {
	for _, unit := range []time.Duration{2 * time.Second, time.Second, 10 * time.Millisecond, time.Millisecond, time.Microsecond, 100} {
		if t.Truncate(unit).Equal(t) {
			return unit
		}
	}
	return 1
}
