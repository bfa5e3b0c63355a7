package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

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

	// Now is the time that the name of the old store says.
	Now time.Time
}

// ErrLoss says that leases are lost, and not known which.
var ErrLoss = errors.New("leases are lost, and nothing in the file tells for certain which: " +
	"their addresses could be leased again while containers use them; nothing was changed")

// LostContainer is the container ID of leases whose holders are lost. Their addresses
// stay taken until somebody releases them who knows that nobody uses them.
const LostContainer = "lost-in-repair"

// A Repaired says what a [Repair] has got back.
type Repaired struct {
	Leases   int
	Doubtful int      // of these, how many may have been released before
	Kept     int      // addresses that are leased to LostContainer
	Lost     []string // what could not be read, in words
	Aside    string   // where the damaged store is kept
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
		kept, known := standIns(s)
		if !known && !o.AcceptLoss {
			return fmt.Errorf("%s: %w", path, ErrLoss)
		}
		to, err := newSuccessor(place, config.Bolt, o.LockTimeout)
		if err != nil {
			return err
		}
		if _, err := to.cleanUp("repair", o.Now); err != nil {
			return err
		}
		done = Repaired{Leases: len(s.Leases), Doubtful: s.Doubtful, Kept: len(kept), Lost: s.Lost, Aside: to.aside}
		return replaceBy(ctx, to, s, merged(s.Leases, kept))
	})
	if err != nil {
		return Repaired{}, err
	}
	return done, nil
}

// mostKept is how many addresses are kept at most. A damaged index can speak of more
// than there are.
const mostKept = 1 << 21

// standIns returns leases for the addresses whose own are lost; known is false if
// it is not known which those are.
func standIns(s bolt.Salvage) (kept []backend.Lease, known bool) {
	for _, run := range s.Missing {
		for addr := run[0]; addr.IsValid() && addr.Compare(run[1]) <= 0; addr = addr.Next() {
			if len(kept) == mostKept {
				return nil, false
			}
			kept = append(kept, backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: LostContainer}})
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
	if err := to.build(ctx, c, func() sum { return written.finish(s.Cursors) }); err != nil {
		return err
	}
	return to.takeOver()
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
