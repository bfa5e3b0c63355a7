package allocator

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// A Usage says how full a range set is. Its counts are at most [math.MaxUint64].
type Usage struct {
	// Index is the place of the set in the pool.
	Index int

	Set Set

	// Size counts the addresses of the ranges: Withheld, Leased and Free together.
	Size uint64

	// Withheld counts the addresses that cannot be leased: gateways and excluded addresses.
	// A withheld address that is leased, as after a change of the configuration, counts
	// here and not in Leased.
	Withheld uint64

	// WithheldLeased counts the withheld addresses that are leased.
	WithheldLeased uint64

	// Leased counts the leasable addresses that are leased, to any owner.
	Leased uint64

	// Free counts the leasable addresses that are not leased.
	Free uint64

	// LargestFree is the longest run of free addresses, the lowest if there are several;
	// zero if none are free. A run can continue from one range into another that follows it
	// without a gap.
	LargestFree Span
}

// Usage counts how full the sets of the pool are, and returns them in order.
//
// It makes two lookups for each run of consecutive leased addresses and one for each run of
// withheld ones, and reads one lease of each run: with a bolt store a full /16 takes no
// longer than an empty one.
func (p Pool) Usage(tx backend.ReadTx) ([]Usage, error) {
	usages := make([]Usage, len(p.sets))
	for i, s := range p.sets {
		usages[i] = s.capacity()
		usages[i].Index = i
		if err := usages[i].fill(tx); err != nil {
			return nil, err
		}
	}
	return usages, nil
}

// capacity returns a Usage with the counts that do not depend on leases.
func (s Set) capacity() Usage {
	u := Usage{Set: s}
	for _, r := range s.ranges {
		u.Size = addSizes(u.Size, r.span.Size())
		for _, hole := range r.Holes() {
			u.Withheld = addSizes(u.Withheld, hole.Size())
		}
	}
	return u
}

// leasableSpans returns the leasable spans of the set in ascending order, with adjacent
// ones joined.
func (s Set) leasableSpans() []Span {
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

// fill adds the counts of leased and free addresses.
func (u *Usage) fill(tx backend.ReadTx) error {
	leased := func(run Span) { u.Leased = addSizes(u.Leased, run.Size()) }
	for _, span := range u.Set.leasableSpans() {
		if err := eachRun(tx, span, leased, u.addFree); err != nil {
			return err
		}
	}
	withheld := func(run Span) { u.WithheldLeased = addSizes(u.WithheldLeased, run.Size()) }
	for _, r := range u.Set.ranges {
		for _, hole := range r.span.without(slices.Concat(r.leasable, []Span{mappedIPv4()})) { // no store accepts those
			if err := eachRun(tx, hole, withheld, func(Span) {}); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachRun splits a span into runs of leased and of free addresses, and calls leased or free
// for each.
func eachRun(tx backend.ReadTx, span Span, leased, free func(Span)) error {
	for next := span.First; ; {
		first, err := tx.NextFree(next, span.Last)
		if errors.Is(err, backend.ErrNoneFree) {
			leased(Span{First: next, Last: span.Last})
			return nil
		}
		if err != nil {
			return err
		}
		if next.Less(first) {
			leased(Span{First: next, Last: first.Prev()})
		}
		next = netip.Addr{}
		if first != span.Last {
			next, err = firstLeased(tx, Span{First: first, Last: span.Last})
		}
		if err != nil {
			return err
		}
		if !next.IsValid() {
			free(Span{First: first, Last: span.Last})
			return nil
		}
		free(Span{First: first, Last: next.Prev()})
	}
}

func (u *Usage) addFree(run Span) {
	u.Free = addSizes(u.Free, run.Size())
	if run.isLonger(u.LargestFree) {
		u.LargestFree = run
	}
}

// firstLeased returns the lowest leased address of a span whose first address is free, or
// the zero address.
func firstLeased(tx backend.ReadTx, span Span) (netip.Addr, error) {
	for l, err := range tx.Leases(span.First) {
		switch {
		case err != nil:
			return netip.Addr{}, err
		case l.Addr == span.First:
			// The store's index contradicts its leases. Continuing from here would loop
			// forever.
			return netip.Addr{}, fmt.Errorf("%s is both leased and free: %w", l.Addr, backend.ErrDamaged)
		case !span.Contains(l.Addr):
			return netip.Addr{}, nil
		}
		return l.Addr, nil
	}
	return netip.Addr{}, nil
}
