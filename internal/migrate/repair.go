package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
)

// RepairOptions say how to repair.
type RepairOptions struct {
	// AcceptLoss has a store replaced although nothing tells for certain which leases
	// are lost: containers may hold addresses that are leased again afterwards.
	AcceptLoss bool

	// LockTimeout is how long to wait for the lock of the store.
	LockTimeout time.Duration

	// Now is the time that the name of the old store says, and that of the leases that
	// stand in for lost ones.
	Now time.Time

	// Present is the present boot, as far as it is known.
	Present allocator.Boot
}

// ErrLoss says that leases are lost, and not known which.
var ErrLoss = errors.New("leases are lost, and nothing in the file tells for certain which: " +
	"their addresses could be leased again while containers use them; nothing was changed")

// LostContainer is the container ID of leases whose holders are lost. Their addresses
// stay taken until an operator releases them, or the next reboot does.
const LostContainer = "lost-in-repair"

// A Repaired says what a [Repair] has got back.
type Repaired struct {
	Leases   int
	Doubtful int      // of these, how many may have been released before
	Kept     int      // addresses that are leased to LostContainer
	Lost     []string // what could not be read, in words
	Aside    string   // where the old store is kept
	Unmarked error    // as in a Report

	Pruned Pruned
}

// Repair puts in the place of the bolt store at path, however damaged, a new one that
// holds all leases that can be read of it. Addresses whose leases cannot be read, but
// which an index has, stay taken. If not even that is known it returns [ErrLoss],
// unless loss is accepted.
func Repair(ctx context.Context, path string, o RepairOptions) (Repaired, error) {
	place := exchange.At(path)
	done := Repaired{}
	waiting, cancel := context.WithTimeout(ctx, o.LockTimeout)
	defer cancel()
	unlock, err := lockPlace(waiting, place)
	if err != nil {
		return done, err
	}
	defer unlock()
	err = bolt.Open(path).Salvage(waiting, func(s bolt.Salvage) error {
		kept, known := standIns(s, o)
		if !known && !o.AcceptLoss {
			return fmt.Errorf("%s: %w", path, ErrLoss)
		}
		if err := place.Unchanged(s.Read); err != nil {
			return err
		}
		to, err := newSuccessor(place, config.Bolt, o.LockTimeout)
		if err != nil {
			return err
		}
		if _, err := to.cleanUp("repair", o.Now); err != nil {
			return err
		}
		err = replaceBy(ctx, to, s, merged(s.Leases, kept))
		done = Repaired{
			Leases: len(s.Leases), Doubtful: s.Doubtful, Kept: len(kept), Lost: s.Lost,
			Aside: to.aside, Unmarked: to.unmarked,
		}
		return err
	})
	if err != nil {
		return Repaired{}, err
	}
	done.Pruned = prune(place, o.Now)
	return done, nil
}

// mostKept is how many addresses are kept at most. A damaged index can speak of more
// than there are.
const mostKept = 1 << 21

// standIns returns leases for the addresses whose own are lost; known is false if
// it is not known which those are.
func standIns(s bolt.Salvage, o RepairOptions) (kept []backend.Lease, known bool) {
	l := backend.Lease{Owner: backend.Owner{ContainerID: LostContainer}, Since: o.Now.UTC(), Boot: o.Present.ID}
	for _, run := range s.Missing {
		for addr := run[0]; addr.IsValid() && addr.Compare(run[1]) <= 0; addr = addr.Next() {
			if len(kept) == mostKept {
				return nil, false
			}
			l.Addr = addr
			kept = append(kept, l)
		}
	}
	return kept, !s.Unsure
}

func merged(a, b []backend.Lease) []backend.Lease {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}

func replaceBy(ctx context.Context, to *successor, s bolt.Salvage, leases []backend.Lease) error {
	written := newSummer()
	pass := func(l *backend.Lease) error {
		written.add(*l)
		return ctx.Err()
	}
	c := backend.Content{Leases: passing(each(leases), pass), Cursors: s.Cursors, Boot: s.Boot}
	if err := to.build(c); err != nil {
		return err
	}
	return to.takeOver(ctx, written.finish(s.Cursors))
}

func each(leases []backend.Lease) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for _, l := range leases {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// passing has each of the leases pass, perhaps changed, until pass returns an error.
func passing(all iter.Seq2[backend.Lease, error], pass func(*backend.Lease) error) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for l, err := range all {
			if err == nil {
				err = pass(&l)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}
