package migrate

import (
	"context"
	"slices"
	"time"

	"github.com/leasehold/leasehold/internal/exchange"
)

const (
	// Keep is how many backups of a network are kept by default.
	Keep = 3

	// Fresh is how long a backup is kept in any case, until it is known whether the new store
	// works.
	Fresh = 10 * time.Minute
)

// Pruned says what a [Prune] has done, or would do.
type Pruned struct {
	Removed []string // paths of backups, newest first
	Kept    []string // likewise
	Err     error    // the reason why Prune ended early
}

// PruneOptions say which backups to remove: all except the newest ones, and those younger than
// OlderThan.
type PruneOptions struct {
	Keep        int
	OlderThan   time.Duration
	DryRun      bool
	LockTimeout time.Duration
	Now         time.Time
}

// Prune removes backups of the network at path, and the exports with them. No plugin waits for
// it.
func Prune(ctx context.Context, path string, o PruneOptions) Pruned {
	place := exchange.At(path)
	all, err := place.Backups()
	if err != nil || len(all) == 0 || o.DryRun {
		return o.apply(place, all, err)
	}
	waiting, cancel := context.WithTimeout(ctx, o.LockTimeout)
	defer cancel()
	unlock, err := lockPlace(waiting, place)
	if err != nil {
		return Pruned{Err: err}
	}
	defer unlock()
	all, err = place.Backups()
	return o.apply(place, all, err)
}

// prune is Prune by a program that has just replaced a store, and holds the lock of the place.
func prune(place exchange.Place, now time.Time) Pruned {
	all, err := place.Backups()
	return PruneOptions{Keep: Keep, OlderThan: Fresh, Now: now}.apply(place, all, err)
}

func (o PruneOptions) apply(place exchange.Place, all []exchange.Backup, err error) Pruned {
	if err != nil {
		return Pruned{Err: err}
	}
	some := exchange.Prunable(all, o.Keep, o.Now.Add(-o.OlderThan))
	var p Pruned
	if !o.DryRun {
		some, p.Err = place.Prune(some)
	}
	for _, b := range some {
		p.Removed = append(p.Removed, b.Path)
	}
	for _, b := range all {
		if !slices.Contains(p.Removed, b.Path) {
			p.Kept = append(p.Kept, b.Path)
		}
	}
	return p
}
