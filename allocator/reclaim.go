package allocator

import (
	"context"
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// releaseEarlierBoots implements [Options.ReleaseEarlierBoots], once in a boot. Each
// Allocate releases only a portion: releasing tens of thousands would delay an ADD after a
// reboot until its runtime kills it, again and again. Until all are released, it returns a
// function that reports whether a lease is one of the rest. searched reports whether it has looked for
// any.
func (a *Allocator) releaseEarlierBoots(boot *ending) (ended func(backend.Lease) bool, searched bool, err error) {
	tx := boot.tx
	ended, last, err := a.endedByReboot(tx)
	if err != nil {
		return nil, false, err
	}
	if ended == nil {
		text, err := a.opts.Boot.seen(last, tx)
		if err != nil || text == "" {
			return nil, false, err
		}
		return nil, false, tx.SetLastSearch(text)
	}
	gone, err := ofEarlierBoots(tx, ended)
	if err == nil {
		err = boot.all(gone)
	}
	if err != nil || len(gone) == bootPortion {
		return ended, true, err
	}
	return nil, true, tx.SetLastSearch(a.opts.Boot.searched(last, a.opts.Now()))
}

// ofEarlierBoots returns the leases that one Allocate releases because they are from an earlier boot.
func ofEarlierBoots(tx backend.ReadTx, ended func(backend.Lease) bool) ([]backend.Lease, error) {
	return pick(tx.Leases(netip.Addr{}), bootPortion, ended)
}

// ReleaseEarlierBoots releases the leases that are from an earlier boot, for a caller that makes no
// lease: see [Options.ReleaseEarlierBoots]. It returns them, also if there is an error: see
// [ReleaseUnchanged].
func ReleaseEarlierBoots(ctx context.Context, store backend.Store, present Boot) ([]backend.Lease, error) {
	var last search
	if err := store.View(ctx, func(tx backend.ReadTx) error {
		text, err := tx.LastSearch()
		last = parseSearch(text)
		return err
	}); err != nil {
		return nil, err
	}
	leases, err := ReadLeases(ctx, store)
	if err != nil {
		return nil, err
	}
	ended := filter(leases, func(l backend.Lease) bool { return present.endedSince(l, last) })
	return portion{leases: ended, cause: backend.EndedByBoot, at: present.Started}.releaseAll(ctx, store)
}

// endedByReboot returns a function that reports whether a lease must be released because it
// is from an earlier boot, or nil if the store need not be searched for such leases. last is the last
// search, if leases of earlier boots matter.
func (a *Allocator) endedByReboot(tx backend.ReadTx) (ended func(backend.Lease) bool, last search, err error) {
	present := a.opts.Boot
	if !a.opts.ReleaseEarlierBoots || present.ID == "" || present.Started.IsZero() {
		return nil, last, nil
	}
	text, err := tx.LastSearch()
	last = parseSearch(text)
	if err != nil || present.isCurrent(last, a.opts.Now()) {
		return nil, last, err
	}
	return func(l backend.Lease) bool { return present.endedSince(l, last) }, last, nil
}

func isTorn(l backend.Lease) bool { return l.Owner.IsZero() }

// endUnheld ends a portion of the torn and ended leases that occupy leasable
// addresses of the set. It returns their number.
func (g *grant) endUnheld(s Set) (int, error) {
	unheld, err := g.boot.some(s.leases(g.tx), func(l backend.Lease) bool { return isTorn(l) || g.hasEnded(l) })
	return len(unheld), err
}

// endEnded ends the leases that are from an earlier boot, and returns the others.
func (g *grant) endEnded(leases []backend.Lease) (left []backend.Lease, err error) {
	for _, l := range leases {
		if !g.hasEnded(l) {
			left = append(left, l)
		} else if err := g.boot.end(l); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (g *grant) hasEnded(l backend.Lease) bool { return g.ended != nil && g.ended(l) }

// leases iterates over the leases of the set's leasable addresses.
func (s Set) leases(tx backend.ReadTx) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for _, r := range s.ranges {
			if !r.leases(tx, yield) {
				return
			}
		}
	}
}

// leases yields the leases of the range's leasable addresses, and reports whether to
// continue.
func (r Range) leases(tx backend.ReadTx, yield func(backend.Lease, error) bool) bool {
	for l, err := range tx.Leases(r.First()) {
		if err == nil && !r.Contains(l.Addr) {
			return true
		}
		if (err != nil || r.Leasable(l.Addr)) && !yield(l, err) {
			return false
		}
	}
	return true
}

// some ends the leases for which match is true, at most bootPortion, and returns them.
func (e *ending) some(leases iter.Seq2[backend.Lease, error], match func(backend.Lease) bool) ([]backend.Lease, error) {
	picked, err := pick(leases, bootPortion, match)
	if err != nil {
		return nil, err
	}
	return picked, e.all(picked)
}

// noLimit makes pick return all matching leases.
const noLimit = -1

// pick returns the first leases for which match is true, at most limit.
func pick(leases iter.Seq2[backend.Lease, error], limit int, match func(backend.Lease) bool) (picked []backend.Lease, err error) {
	for l, err := range leases {
		if err != nil {
			return nil, err
		}
		if match(l) {
			picked = append(picked, l)
		}
		if len(picked) == limit {
			break
		}
	}
	return picked, nil
}
