package migrate

import (
	"context"
	"iter"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
)

// A Repaired says what a [Repair] has got back.
type Repaired struct {
	Leases   int
	Doubtful int      // of these, how many may have been released before
	Lost     []string // what could not be read, in words
	Aside    string   // where the damaged store is kept
}

// Repair puts in the place of the bolt store at path, however damaged, a new one that
// holds all leases that can be read of it. It waits for the lock of the store for
// lockTimeout; now is the time that the name of the old store says.
func Repair(ctx context.Context, path string, lockTimeout time.Duration, now time.Time) (Repaired, error) {
	place := exchange.At(path)
	done := Repaired{}
	waiting, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	err := bolt.Open(path).Salvage(waiting, func(s bolt.Salvage) error {
		aside := place.Aside("repair", now)
		setAside, err := place.CleanUp(aside)
		if err != nil {
			return err
		}
		if setAside {
			aside = place.Aside("repair", now.Add(time.Millisecond)) // a name for each
		}
		done = Repaired{Leases: len(s.Leases), Doubtful: s.Doubtful, Lost: s.Lost, Aside: aside}
		return replaceBy(ctx, successor{place, config.Bolt, lockTimeout}, s, aside)
	})
	if err != nil {
		return Repaired{}, err
	}
	return done, nil
}

func replaceBy(ctx context.Context, to successor, s bolt.Salvage, aside string) error {
	written := newSummer()
	c := backend.Content{Leases: passing(each(s.Leases), func(l *backend.Lease) { written.add(*l) }), Cursors: s.Cursors, Boot: s.Boot}
	if err := to.build(ctx, c, func() sum { return written.finish(s.Cursors) }); err != nil {
		return err
	}
	return to.takeOver(aside)
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

// passing has each of the leases pass, and perhaps changed.
func passing(all iter.Seq2[backend.Lease, error], pass func(*backend.Lease)) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for l, err := range all {
			if err == nil {
				pass(&l)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}
