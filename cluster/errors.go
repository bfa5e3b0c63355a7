package cluster

import (
	"errors"
	"fmt"
)

var (
	// ErrHalted: what the engine has may not be what the hosts had written. No host changes
	// anything until an operator has recovered the space; hosts go on leasing from the blocks
	// that they hold.
	ErrHalted = errors.New("the space is halted")

	// ErrNotHalted: the space is in use, and what was asked for is for one that is halted.
	ErrNotHalted = errors.New("the space is not halted")

	// ErrUnreported: a recovery cannot end before these hosts have reported, or were evicted.
	ErrUnreported = errors.New("hosts have not reported what they hold, and were not evicted")

	// ErrExists: the engine has a space of this name.
	ErrExists = errors.New("there is a space of this name already")

	// ErrInterrupted: the host that had the name was evicted, and some of its blocks have yet to be freed.
	ErrInterrupted = errors.New("the eviction of the host that had this name was interrupted; evict it again")

	// ErrNoSpace: the engine has no such space.
	ErrNoSpace = errors.New("there is no such space")

	// ErrOtherSpace: the engine has another space of the name than the store is a member of.
	ErrOtherSpace = errors.New("the servers have another space of this name than this host is a member of")

	// ErrNotMember: the store has no membership.
	ErrNotMember = errors.New("this host is not a member of the space")

	// ErrStopped: this host may not lease from the space, until an operator has decided.
	ErrStopped = errors.New("this host may not use the space")

	// ErrNameTaken: another host of the space has the name. See [NameError].
	ErrNameTaken = errors.New("another host of the space has this name")

	// ErrNotStopped: the host is a member, and what was asked for is for one that is stopped.
	ErrNotStopped = errors.New("this host is not stopped")

	// ErrInUse: a store with leases cannot join: other hosts could hold their addresses.
	ErrInUse = errors.New("the store has leases already")

	// ErrOutside: a range set has addresses that are not in the space.
	ErrOutside = errors.New("the network has addresses that the space does not have")

	// ErrNoBlocks: all blocks of the ranges are held.
	ErrNoBlocks = errors.New("all blocks of the range are held by hosts")

	// ErrReported: the space is being recovered, and the engine knows again what this host holds. It
	// comes with ErrHalted.
	ErrReported = errors.New("it is being recovered, and this host has reported what it holds")

	// ErrDisputed: another host holds a block in which this host has leases.
	ErrDisputed = errors.New("another host holds addresses that are leased here")

	// ErrOtherBlocks: this host has blocks that are no blocks of the space, which was made again with blocks of
	// another size.
	ErrOtherBlocks = errors.New("this host has blocks that the space does not have")

	// ErrConflict: what was shown has changed meanwhile.
	ErrConflict = errors.New("another change came first; look again")
)

// A NameError is [ErrNameTaken] of a host that joins.
type NameError struct {
	// Host is the name.
	Host string

	// Own means that the host of that name is on this machine: it has joined with another store, or
	// with a later state of this one.
	Own bool
}

func (e *NameError) Error() string {
	if e.Own {
		return fmt.Sprintf("this machine is host %s of the space already, with another store or a later state of this one", e.Host)
	}
	return ErrNameTaken.Error() + ": " + e.Host
}

// Is reports whether target is [ErrNameTaken].
func (e *NameError) Is(target error) bool { return target == ErrNameTaken }

// Why a host is stopped. The texts are what an operator reads.
const (
	stoppedEvicted  = "it was evicted from the space: its blocks may belong to others"
	stoppedReplaced = "the servers know another host under its name, which has joined after it, or before it if they were restored " +
		"from a backup: its blocks may belong to others"
	stoppedUnknown = "the servers do not know it: they were restored from a backup, or are others than before, or the space was made again: " +
		"its blocks may belong to others"
	stoppedClone   = "another machine has used a copy of this store, or this store is an old copy"
	stoppedMachine = "its store was made on another machine"

	stoppedEntering = "its store was copied or restored while the host became a member"
)

func stopped(reason string) error {
	return fmt.Errorf("%w: %s; once its containers are gone, it can forget its membership and join again", ErrStopped, reason)
}

func halted(h HaltRecord) error { return fmt.Errorf("%w by %s: %s", ErrHalted, h.By, h.Text) }
