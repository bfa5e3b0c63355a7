package backend

import (
	"iter"
	"net/netip"
)

// A Content is all that a store holds, for whoever moves it somewhere else.
type Content struct {
	// Leases are the leases, ascending by address. An error ends them. A
	// Content that comes from a transaction can be read only within it.
	Leases iter.Seq2[Lease, error]

	// Cursors are the addresses last handed out, by range set.
	Cursors map[string]netip.Addr

	// Boot is what was last given to SetBoot, or empty.
	Boot string
}

// ContentOf returns what tx shows.
//
// Leases with a zero [Owner] are left out: nobody can release them, and what is
// not moved is free.
func ContentOf(tx ReadTx) (Content, error) {
	cursors, err := tx.Cursors()
	if err != nil {
		return Content{}, err
	}
	boot, err := tx.Boot()
	if err != nil {
		return Content{}, err
	}
	return Content{Leases: owned(tx.Leases(netip.Addr{})), Cursors: cursors, Boot: boot}, nil
}

func owned(all iter.Seq2[Lease, error]) iter.Seq2[Lease, error] {
	return func(yield func(Lease, error) bool) {
		for l, err := range all {
			if err == nil && l.Owner.IsZero() {
				continue
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}
