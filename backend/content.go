package backend

import (
	"iter"
	"net/netip"
	"time"
)

// A Content is everything in a store, to be moved to another.
type Content struct {
	// Leases yields the leases, ascending by address. It ends after an error. If the
	// Content comes from a transaction, it is valid only in that transaction.
	Leases iter.Seq2[Lease, error]

	// Cursors are the addresses last handed out, by range set.
	Cursors map[string]netip.Addr

	// LastSearch is the last argument of SetLastSearch, or empty.
	LastSearch string

	// Membership is not zero if the store is shared by several hosts. A store that is made of
	// this Content must then be shared, too, or it would lease addresses of other hosts.
	Membership Membership

	// Blocks are the blocks of a shared store, ascending.
	Blocks []Block

	// History yields the ended leases in the order in which they were recorded, as Leases does;
	// nil without a history. Policy is the last argument of SetPolicy, or empty. Both are for
	// stores that keep a history.
	History iter.Seq2[Ended, error]
	Policy  string

	// Gap is as in [Counts].
	Gap time.Time

	// Cooling yields the cooling addresses, ascending, as Leases does; nil if no address is cooling. It
	// is for stores in which addresses can cool. None of them is leased.
	Cooling iter.Seq2[Cooling, error]
}

// ContentOf returns the content of tx.
//
// Leases with a zero [Owner] are left out: no DEL can release them, and in the new store
// their addresses are free. So are ended leases that were forgotten. The Membership is
// [Membership.Doubted]: by the time another store is made of the Content, blocks can have been
// given back.
func ContentOf(tx ReadTx) (Content, error) {
	cursors, err := tx.Cursors()
	if err != nil {
		return Content{}, err
	}
	boot, err := tx.LastSearch()
	if err != nil {
		return Content{}, err
	}
	m, err := tx.Membership()
	if err != nil {
		return Content{}, err
	}
	blocks, err := Blocks(tx)
	if err != nil {
		return Content{}, err
	}
	c := Content{
		Leases: owned(tx.Leases(netip.Addr{})), Cursors: cursors, LastSearch: boot, Membership: m.Doubted(), Blocks: blocks,
	}
	if h, ok := tx.(HistoryReadTx); ok {
		c.History = remembered(h.History())
		if c.Policy, err = h.Policy(); err != nil {
			return c, err
		}
		counts, err := h.Counts()
		if err != nil {
			return c, err
		}
		c.Gap = counts.Gap
	}
	if t, ok := tx.(CoolingReadTx); ok {
		c.Cooling = t.CoolingFrom(netip.Addr{})
	}
	return c, err
}

func remembered(all iter.Seq2[Ended, error]) iter.Seq2[Ended, error] {
	return func(yield func(Ended, error) bool) {
		for e, err := range all {
			if err == nil && e.Forgotten() {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
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
