package migrate

import (
	"context"
	"slices"
	"time"

	"github.com/leasehold/leasehold/internal/exchange"
)

const (
	// Keep is how many of the stores that were replaced are kept of a network, unless
	// more are wanted.
	Keep = 3

	// Fresh is how long one is kept in any case: until it is known whether what replaced
	// it works.
	Fresh = 10 * time.Minute
)

// Pruned is what a [Prune] has done, or would do.
type Pruned struct {
	Removed []string // paths of stores that were replaced, newest first
	Kept    []string // likewise
	Err     error    // why it ended early
}

// PruneOptions say which of the stores that were replaced to remove: all but the newest,
// and but those that are young.
type PruneOptions struct {
	Keep        int
	OlderThan   time.Duration
	DryRun      bool
	LockTimeout time.Duration
	Now         time.Time
}

// Prune removes stores that migrations and repairs have replaced at path, and what is kept
// with them. It keeps no plugin waiting.
func Prune(ctx context.Context, path string, o PruneOptions) Pruned {
	place := exchange.At(path)
	all, err := place.Backups()
	if err != nil || len(all) == 0 || o.DryRun {
		return o.on(place, all, err)
	}
	waiting, cancel := context.WithTimeout(ctx, o.LockTimeout)
	defer cancel()
	unlock, err := lockPlace(waiting, place)
	if err != nil {
		return Pruned{Err: err}
	}
	defer unlock()
	all, err = place.Backups()
	return o.on(place, all, err)
}

// prune is Prune after another store was replaced, by the holder of the lock of the place.
func prune(place exchange.Place, now time.Time) Pruned {
	all, err := place.Backups()
	return PruneOptions{Keep: Keep, OlderThan: Fresh, Now: now}.on(place, all, err)
}

func (o PruneOptions) on(place exchange.Place, all []exchange.Backup, err error) Pruned {
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
