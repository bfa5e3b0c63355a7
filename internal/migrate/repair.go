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

// RepairOptions configure [Repair].
type RepairOptions struct {
	// AcceptLoss allows a repair although it is not certain which leases are lost: addresses
	// that containers hold may be leased again afterwards.
	AcceptLoss bool

	// LockTimeout is how long to wait for the lock of the store.
	LockTimeout time.Duration

	// Now goes into the name of the backup, and is the time of the leases that stand in for
	// lost ones.
	Now time.Time

	// Present is the present boot, as far as it is known.
	Present allocator.Boot
}

// ErrLoss says that leases are lost, and that it is not known which.
var ErrLoss = errors.New("leases are lost, and the file does not show for certain which: " +
	"their addresses could be leased again while containers use them; nothing was changed")

// LostContainer is the container ID of leases whose holders are lost. Their addresses stay
// taken until an operator releases them, or until the next reboot.
const LostContainer = "lost-in-repair"

// Repaired says what a [Repair] has recovered.
type Repaired struct {
	Leases   int
	Doubtful int      // how many of these may have been released before
	Kept     int      // addresses leased to LostContainer
	Lost     []string // descriptions of what could not be read
	Aside    string   // path of the backup of the old store
	Unmarked error    // as in a Report

	Pruned Pruned
}

// Repair replaces the bolt store at path, however damaged, by a new one with all leases that
// can be read. An address whose lease cannot be read, but that an index contains, stays taken.
// If it is not known which leases are lost, Repair returns [ErrLoss], unless AcceptLoss is set.
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
		if s.HistoryLost {
			s.Gap = o.Now // when the lost ones ended is not known
		}
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
		err = replaceBy(ctx, to, s, mergeSorted(s.Leases, kept))
		done = Repaired{
			Leases: len(s.Leases), Doubtful: s.Doubtful, Kept: len(kept), Lost: s.Lost,
			Aside: to.backup, Unmarked: to.unmarked,
		}
		return err
	})
	if err != nil {
		return Repaired{}, err
	}
	done.Pruned = prune(place, o.Now)
	return done, nil
}

// maxKept limits how many addresses are kept, because a damaged index can contain more than
// exist.
const maxKept = 1 << 21

// standIns returns leases for the addresses whose own leases are lost; known is false if it is
// not known which those are.
func standIns(s bolt.Salvage, o RepairOptions) (kept []backend.Lease, known bool) {
	l := backend.Lease{Owner: backend.Owner{ContainerID: LostContainer}, Since: o.Now.UTC(), Boot: o.Present.ID}
	for _, run := range s.Missing {
		for addr := run[0]; addr.IsValid() && addr.Compare(run[1]) <= 0; addr = addr.Next() {
			if len(kept) == maxKept {
				return nil, false
			}
			l.Addr = addr
			kept = append(kept, l)
		}
	}
	return kept, !s.Unsure
}

func mergeSorted(a, b []backend.Lease) []backend.Lease {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}

func replaceBy(ctx context.Context, to *successor, s bolt.Salvage, leases []backend.Lease) error {
	written := newFingerprinter()
	convert := func(l *backend.Lease) error {
		written.add(*l)
		return ctx.Err()
	}
	c := backend.Content{
		Leases: convertEach(sequence(leases), convert), Cursors: s.Cursors, LastSearch: s.LastSearch,
		Membership: s.Membership, Blocks: s.Blocks,
		History: sequence(s.History), Policy: s.Policy, Gap: s.Gap, Cooling: sequence(s.Cooling),
	}
	if err := to.build(written.withMemory(c)); err != nil {
		return err
	}
	return to.takeOver(ctx, written.finish(c))
}

func sequence[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	}
}

// convertEach applies convert to each lease, until it returns an error.
func convertEach(all iter.Seq2[backend.Lease, error], convert func(*backend.Lease) error) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for l, err := range all {
			if err == nil {
				err = convert(&l)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}
