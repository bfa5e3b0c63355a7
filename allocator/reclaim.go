package allocator

import (
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// releaseEarlierBoots does what [Options.ReleaseEarlierBoots] says, once in a boot: a
// portion in each Allocate until all are gone, so that an ADD after a reboot does not wait,
// or is killed again and again by its runtime, while tens of thousands are released. Until
// then it returns what reports whether a lease is one of those that are left.
func (a *Allocator) releaseEarlierBoots(tx backend.Tx) (ended func(backend.Lease) bool, err error) {
	ended, err = a.endedByReboot(tx)
	if err != nil || ended == nil {
		return nil, err
	}
	gone, err := deleteLeases(tx, tx.Leases(netip.Addr{}), ended)
	if err != nil || len(gone) == bootPortion {
		return ended, err
	}
	return nil, tx.SetBoot(a.opts.Boot.Searched(a.opts.Now()))
}

// endedByReboot returns what reports whether a lease is to be released because it is of
// an earlier boot, or nil if the store does not have to be searched for such leases.
func (a *Allocator) endedByReboot(tx backend.ReadTx) (func(backend.Lease) bool, error) {
	present := a.opts.Boot
	if !a.opts.ReleaseEarlierBoots || present.ID == "" || present.Started.IsZero() {
		return nil, nil
	}
	text, err := tx.Boot()
	last := parseSearch(text)
	if err != nil || present.searched(last, a.opts.Now()) {
		return nil, err
	}
	return func(l backend.Lease) bool { return present.Ended(l, last.boot) }, nil
}

func isTorn(l backend.Lease) bool { return l.Owner.IsZero() }

// deleteUnheld deletes a portion of the leases that keep addresses of the set from being
// leased, and belong to nobody: torn ones, and ended ones. It returns their number.
func (g *grant) deleteUnheld(s Set) (int, error) {
	unheld, err := deleteLeases(g.tx, s.leased(g.tx), func(l backend.Lease) bool { return isTorn(l) || g.hasEnded(l) })
	return len(unheld), err
}

// deleteEnded deletes those of the leases that have ended, and returns the others.
func (g *grant) deleteEnded(leases []backend.Lease) (left []backend.Lease, err error) {
	for _, l := range leases {
		if !g.hasEnded(l) {
			left = append(left, l)
		} else if err := g.tx.Delete(l.Addr); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (g *grant) hasEnded(l backend.Lease) bool { return g.ended != nil && g.ended(l) }

// leased iterates over the leases of those addresses of the set that can be
// leased.
func (s Set) leased(tx backend.ReadTx) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for _, r := range s.ranges {
			if !r.leased(tx, yield) {
				return
			}
		}
	}
}

// leased is a part of Set.leased, and reports whether to go on.
func (r Range) leased(tx backend.ReadTx, yield func(backend.Lease, error) bool) bool {
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

// deleteLeases deletes those of the leases that unwanted picks, a portion at most, and
// returns them.
func deleteLeases(tx backend.Tx, leases iter.Seq2[backend.Lease, error], unwanted func(backend.Lease) bool) ([]backend.Lease, error) {
	picked, err := pick(leases, bootPortion, unwanted)
	if err != nil {
		return nil, err
	}
	return picked, deleteAll(tx, picked)
}

// allOfThem is for pick.
const allOfThem = -1

// pick returns the first of the leases that are wanted, at most as many.
func pick(leases iter.Seq2[backend.Lease, error], most int, wanted func(backend.Lease) bool) (picked []backend.Lease, err error) {
	for l, err := range leases {
		if err != nil {
			return nil, err
		}
		if wanted(l) {
			picked = append(picked, l)
		}
		if len(picked) == most {
			break
		}
	}
	return picked, nil
}

func deleteAll(tx backend.Tx, leases []backend.Lease) error {
	for _, l := range leases {
		if err := tx.Delete(l.Addr); err != nil {
			return err
		}
	}
	return nil
}
