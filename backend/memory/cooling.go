package memory

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

var _ backend.CoolingTx = (*tx)(nil)

// CoolingFrom implements [backend.CoolingReadTx]. Like the other two, it sorts all cooling
// addresses.
func (r *readTx) CoolingFrom(from netip.Addr) iter.Seq2[backend.Cooling, error] {
	return func(yield func(backend.Cooling, error) bool) {
		if err := storekit.CheckFrom(from); err != nil {
			yield(backend.Cooling{}, err)
			return
		}
		for c, err := range r.coolingBy(func(a, b backend.Cooling) int { return a.Addr.Compare(b.Addr) }) {
			if (err != nil || !c.Addr.Less(from)) && !yield(c, err) {
				return
			}
		}
	}
}

func longestFirst(a, b backend.Cooling) int {
	return cmp.Or(a.Since.Compare(b.Since), a.Addr.Compare(b.Addr))
}

// LongestCooling implements [backend.CoolingReadTx].
func (r *readTx) LongestCooling() iter.Seq2[backend.Cooling, error] { return r.coolingBy(longestFirst) }

// LatestCooling implements [backend.CoolingReadTx].
func (r *readTx) LatestCooling() iter.Seq2[backend.Cooling, error] {
	return r.coolingBy(func(a, b backend.Cooling) int { return longestFirst(b, a) })
}

func (r *readTx) coolingBy(order func(a, b backend.Cooling) int) iter.Seq2[backend.Cooling, error] {
	return func(yield func(backend.Cooling, error) bool) {
		if err := r.usable(); err != nil {
			yield(backend.Cooling{}, err)
			return
		}
		var all []backend.Cooling
		for addr := range maps.Keys(r.data.cooling) {
			all = append(all, backend.Cooling{Addr: addr, Since: r.data.cooling[addr]})
		}
		slices.SortFunc(all, order)
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Cool implements [backend.CoolingTx].
func (t *tx) Cool(addr netip.Addr, since time.Time) error {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	if _, leased := t.data.leases[addr]; leased {
		return fmt.Errorf("%s: %w", addr, backend.ErrExists)
	}
	t.setCooling(addr, storekit.CoolingSince(since))
	return nil
}

// EndCooling implements [backend.CoolingTx].
func (t *tx) EndCooling(addr netip.Addr) error {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	if _, cooling := t.data.cooling[addr]; cooling {
		t.setCooling(addr, time.Time{})
	}
	return nil
}

func (t *tx) setCooling(addr netip.Addr, since time.Time) {
	old := t.data.cooling[addr] // zero if it is not cooling
	t.data.setCooling(addr, since)
	t.undo = append(t.undo, func() { t.data.setCooling(addr, old) })
}
