package allocator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Undo gives back what an Allocate for owner has leased, for a caller that cannot
// make use of it. What owner held before stays, and so does an address that was released
// meanwhile and leased again, to whomever, or that another Allocate has returned to owner:
// its container may be running.
//
// Where the store keeps times so coarsely that a lease cannot be told from a later one of
// the same owner, the lease stays, and the error says so.
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
			if errors.Is(err, errCoarse) {
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

// errCoarse is why a lease stays that Undo cannot be sure of.
var errCoarse = errors.New("its store keeps times too coarsely to tell this lease from a later one")

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
	case unit > finest:
		return fmt.Errorf("%s stays leased to %s until its DEL: %w", addr, owner, errCoarse)
	}
	return tx.Delete(addr)
}

// finest is the unit of time within which an address cannot be released and leased again
// by other processes.
const finest = 10 * time.Microsecond

// odd returns a time with an odd number of nanoseconds: t, or the next. What a store has
// cut off then shows, whatever the clock counts in.
func odd(t time.Time) time.Time { return t.Add(time.Duration(1 - t.Nanosecond()&1)) }

// unitOf returns the unit in which the time of a lease was kept, as far as the time tells.
// File systems keep that of a file in units from 1 ns (ext4, XFS, Btrfs, tmpfs) by 100 ns
// (NTFS, SMB) and 10 ms (exFAT) to 1 s (ext3, SFTP) and 2 s (FAT).
func unitOf(t time.Time) time.Duration {
	for _, unit := range []time.Duration{2 * time.Second, time.Second, 10 * time.Millisecond, time.Millisecond, time.Microsecond, 100} {
		if t.Truncate(unit).Equal(t) {
			return unit
		}
	}
	return 1
}
