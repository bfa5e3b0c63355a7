package allocator

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// A Usage says how full a range set is. Its counts stay at [math.MaxUint64] where
// there are more.
type Usage struct {
	// Index is the place of the set in the pool.
	Index int

	Set Set

	// Size counts the addresses of the ranges. Each is one of Withheld, Leased
	// and Free.
	Size uint64

	// Withheld counts the addresses that cannot be leased: gateways and what
	// is excluded. If they are leased all the same, as they can be after a
	// change of the configuration, they still count here only.
	Withheld uint64

	// Leased counts the others that are leased, to whomever.
	Leased uint64

	// Free counts the addresses that can be leased and are not.
	Free uint64

	// LargestFree is the longest run of free addresses, and of several the
	// lowest; zero if there is none. A run can go on from one range to another
	// that follows it without a gap.
	LargestFree Span
}

// Usage counts how full the sets of the pool are, and returns them in order.
//
// It looks into the store twice for each run of consecutive leased addresses, and
// reads one lease of each: with a bolt store a full /16 takes no longer than an
// empty one.
func (p Pool) Usage(tx backend.ReadTx) ([]Usage, error) {
	usages := make([]Usage, len(p.sets))
	for i, s := range p.sets {
		usages[i] = s.unused()
		usages[i].Index = i
		for _, span := range s.leasable() {
			if err := usages[i].count(tx, span); err != nil {
				return nil, err
			}
		}
	}
	return usages, nil
}

// unused returns the usage of the set but for what is leased or free.
func (s Set) unused() Usage {
	u := Usage{Set: s}
	for _, r := range s.ranges {
		u.Size = addSizes(u.Size, r.span.Size())
		for _, hole := range r.Holes() {
			u.Withheld = addSizes(u.Withheld, hole.Size())
		}
	}
	return u
}

// leasable returns the leasable spans of the set in ascending order, those that touch
// as one.
func (s Set) leasable() []Span {
	var spans []Span
	for _, r := range s.ranges {
		spans = append(spans, r.leasable...)
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.First.Compare(b.First) })
	joined := spans[:0]
	for _, span := range spans {
		if n := len(joined); n > 0 && joined[n-1].Last.Next() == span.First {
			joined[n-1].Last = span.Last
			continue
		}
		joined = append(joined, span)
	}
	return joined
}

// count adds what is leased and free of a leasable span.
func (u *Usage) count(tx backend.ReadTx, span Span) error {
	for next := span.First; ; {
		free, err := tx.NextFree(next, span.Last)
		if errors.Is(err, backend.ErrNoneFree) {
			u.Leased = addSizes(u.Leased, Span{First: next, Last: span.Last}.Size())
			return nil
		}
		if err != nil {
			return err
		}
		if next.Less(free) {
			u.Leased = addSizes(u.Leased, Span{First: next, Last: free.Prev()}.Size())
		}
		next, err = firstLeased(tx, Span{First: free, Last: span.Last})
		if err != nil {
			return err
		}
		if !next.IsValid() {
			u.addFree(Span{First: free, Last: span.Last})
			return nil
		}
		u.addFree(Span{First: free, Last: next.Prev()})
	}
}

func (u *Usage) addFree(run Span) {
	u.Free = addSizes(u.Free, run.Size())
	if run.isLonger(u.LargestFree) {
		u.LargestFree = run
	}
}

// firstLeased returns the lowest leased address of a span whose first address is
// free, or the zero address if there is none.
func firstLeased(tx backend.ReadTx, span Span) (netip.Addr, error) {
	for l, err := range tx.Leases(span.First) {
		switch {
		case err != nil:
			return netip.Addr{}, err
		case l.Addr == span.First:
			// An index of the store contradicts its leases. Whoever went on
			// from here would come back for ever.
			return netip.Addr{}, fmt.Errorf("%s is leased, and free at once: %w", l.Addr, backend.ErrDamaged)
		case !span.Contains(l.Addr):
			return netip.Addr{}, nil
		}
		return l.Addr, nil
	}
	return netip.Addr{}, nil
}
