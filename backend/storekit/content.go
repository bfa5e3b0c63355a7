package storekit

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// CheckContent returns c with checks, for making a store of it. A cursor, a boot, a membership
// or a block that no store can record gives [backend.ErrInvalid]. Leases end with that error before a lease
// that cannot be recorded or is out of order, and with [backend.ErrExists] before one whose
// address was seen already. Cooling likewise; History ends with an error before an ended lease that cannot be
// recorded.
func CheckContent(c backend.Content) (backend.Content, error) {
	for set, addr := range c.Cursors {
		if err := cmp.Or(CheckSet(set), CheckAddr(addr)); err != nil {
			return backend.Content{}, fmt.Errorf("cursor of range set %s: %w", set, err)
		}
	}
	if err := CheckBoot(c.LastSearch); err != nil {
		return backend.Content{}, err
	}
	if err := cmp.Or(CheckShared(c), CheckBoot(c.Policy)); err != nil {
		return backend.Content{}, err
	}
	c.Leases = ascending(c.Leases)
	if c.Cooling != nil {
		c.Cooling = ascendingCooling(c.Cooling)
	}
	if c.History != nil {
		c.History = recordable(c.History)
	}
	return c, nil
}

func ascendingCooling(all iter.Seq2[backend.Cooling, error]) iter.Seq2[backend.Cooling, error] {
	return func(yield func(backend.Cooling, error) bool) {
		var last netip.Addr
		for c, err := range all {
			if err == nil {
				err = CheckAddr(c.Addr)
			}
			if err == nil && c.Addr.Compare(last) <= 0 {
				err = fmt.Errorf("%w: %s comes after %s", backend.ErrInvalid, c.Addr, last)
			}
			if !yield(c, err) || err != nil {
				return
			}
			last = c.Addr
		}
	}
}

func recordable(all iter.Seq2[backend.Ended, error]) iter.Seq2[backend.Ended, error] {
	return func(yield func(backend.Ended, error) bool) {
		for e, err := range all {
			if err == nil {
				err = CheckEnded(e)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func ascending(all iter.Seq2[backend.Lease, error]) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		var last netip.Addr
		for l, err := range all {
			if err == nil {
				err = checkAfter(last, l)
			}
			if !yield(l, err) || err != nil {
				return
			}
			last = l.Addr
		}
	}
}

// checkAfter returns an error unless l can be recorded after a lease of the address last.
func checkAfter(last netip.Addr, l backend.Lease) error {
	switch err := CheckLease(l); {
	case err != nil:
		return fmt.Errorf("%s: %w", l.Addr, err)
	case l.Addr == last:
		return fmt.Errorf("%s: %w", l.Addr, backend.ErrExists)
	case l.Addr.Less(last):
		return fmt.Errorf("%w: %s comes after %s", backend.ErrInvalid, l.Addr, last)
	}
	return nil
}
