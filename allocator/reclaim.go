package allocator

import (
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// releaseEarlierBoots does what [Options.ReleaseEarlierBoots] says, once in a
// boot.
func (a *Allocator) releaseEarlierBoots(tx backend.Tx) error {
	ended, err := a.endedByReboot(tx)
	if err != nil || ended == nil {
		return err
	}
	if _, err := deleteLeases(tx, tx.Leases(netip.Addr{}), ended); err != nil {
		return err
	}
	return tx.SetBoot(search{a.opts.Boot.ID, a.opts.Now()}.String())
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

// deleteTorn deletes the torn leases that keep addresses of the set from being
// leased, and returns their number.
func deleteTorn(tx backend.Tx, s Set) (int, error) {
	torn, err := deleteLeases(tx, s.leased(tx), isTorn)
	return len(torn), err
}

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

// deleteLeases deletes those of the leases that unwanted picks, and returns them.
func deleteLeases(tx backend.Tx, leases iter.Seq2[backend.Lease, error], unwanted func(backend.Lease) bool) ([]backend.Lease, error) {
	picked, err := pick(leases, unwanted)
	if err != nil {
		return nil, err
	}
	return picked, deleteAll(tx, picked)
}

// pick returns those of the leases that are wanted.
func pick(leases iter.Seq2[backend.Lease, error], wanted func(backend.Lease) bool) (picked []backend.Lease, err error) {
	for l, err := range leases {
		if err != nil {
			return nil, err
		}
		if wanted(l) {
			picked = append(picked, l)
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
