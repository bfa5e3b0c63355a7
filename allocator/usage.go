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
	// change of the configuration, they count here, and not in Leased.
	Withheld uint64

	// WithheldLeased counts those of Withheld that are leased all the same.
	WithheldLeased uint64

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
// It looks into the store twice for each run of consecutive leased addresses, once for
// each run of withheld ones, and reads one lease of each: with a bolt store a full /16 takes no longer than an
// empty one.
func (p Pool) Usage(tx backend.ReadTx) ([]Usage, error) {
	usages := make([]Usage, len(p.sets))
	for i, s := range p.sets {
		usages[i] = s.unused()
		usages[i].Index = i
		if err := usages[i].fill(tx); err != nil {
			return nil, err
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

// fill adds what is leased and free of the set.
func (u *Usage) fill(tx backend.ReadTx) error {
	leased := func(run Span) { u.Leased = addSizes(u.Leased, run.Size()) }
	for _, span := range u.Set.leasable() {
		if err := eachRun(tx, span, leased, u.addFree); err != nil {
			return err
		}
	}
	withheld := func(run Span) { u.WithheldLeased = addSizes(u.WithheldLeased, run.Size()) }
	for _, r := range u.Set.ranges {
		for _, hole := range r.span.without(slices.Concat(r.leasable, []Span{mapped()})) { // which no store takes
			if err := eachRun(tx, hole, withheld, func(Span) {}); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachRun calls leased and free for the runs of leased and of free addresses that make up a
// span.
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
