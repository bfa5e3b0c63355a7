package allocator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// A Usage says how full a range set is. Its counts are at most [math.MaxUint64].
type Usage struct {
	// Index is the place of the set in the pool.
	Index int

	Set Set

	// Size counts the addresses of the ranges: Withheld, Leased, Cooling, Free and NotHeld together.
	Size uint64

	// Withheld counts the addresses that cannot be leased: gateways and excluded addresses.
	// A withheld address that is leased, as after a change of the configuration, counts
	// here and not in Leased.
	Withheld uint64

	// WithheldLeased counts the withheld addresses that are leased.
	WithheldLeased uint64

	// Leased counts the leasable addresses that are leased, to any owner.
	Leased uint64

	// Cooling counts the leasable addresses that were released a short time ago, or whose time to
	// cool is over and that no Allocate has made free yet.
	Cooling uint64

	// Free counts the leasable addresses that are neither leased nor cooling, and in a shared store are
	// in a block that its host holds.
	Free uint64

	// NotHeld counts, in a shared store, the leasable addresses that this host can lease only after
	// it has claimed them: other hosts can hold them.
	NotHeld uint64

	// LargestFree is the longest run of free addresses, the lowest if there are several;
	// zero if none are free. A run can continue from one range into another that follows it
	// without a gap.
	LargestFree Span
}

// Used returns which part of the addresses that this host can lease is leased, from 0 to 1.
func (u Usage) Used() float64 {
	if u.Leased == 0 {
		return 0
	}
	return float64(u.Leased) / (float64(u.Leased) + float64(u.Cooling) + float64(u.Free))
}

// Usage counts how full the sets of the pool are, and returns them in order.
//
// It makes two lookups for each run of consecutive leased addresses and one for each run of
// withheld ones, and reads one lease of each run: with a bolt store a full /16 takes no
// longer than an empty one.
func (p Pool) Usage(tx backend.ReadTx) ([]Usage, error) {
	usages, left, err := p.uncounted(tx)
	if err == nil {
		_, err = countRuns(tx, left, math.MaxInt)
	}
	if err != nil {
		return nil, err
	}
	return usages, nil
}

// ReadUsage is Usage of a store. It counts many runs in several Views, so that other
// transactions can run in between: the counts are not a snapshot.
func (p Pool) ReadUsage(ctx context.Context, store backend.Store) (usages []Usage, err error) {
	var left []uncounted
	for begun := false; !begun || len(left) > 0; begun = true {
		err := store.View(ctx, func(tx backend.ReadTx) (err error) {
			if !begun {
				usages, left, err = p.uncounted(tx)
			}
			if err == nil {
				left, err = countRuns(tx, left, usagePortion)
			}
			return err
		})
		if err == nil {
			err = pause(ctx, len(left) > 0)
		}
		if err != nil {
			return nil, err
		}
	}
	return usages, nil
}

// uncounted returns the usages of the sets without the counts that depend on leases, and
// the spans that have to be counted for those.
func (p Pool) uncounted(tx backend.ReadTx) (usages []Usage, spans []uncounted, err error) {
	held, shared, err := Held(tx)
	if err != nil {
		return nil, nil, err
	}
	usages = make([]Usage, len(p.sets))
	for i, s := range p.sets {
		usages[i] = s.capacity()
		usages[i].Index = i
		for _, all := range usages[i].uncounted() {
			if !shared {
				spans = append(spans, all)
				continue
			}
			elsewhere := all.span.Without(held)
			for _, here := range all.span.Without(elsewhere) {
				spans = append(spans, uncounted{span: here, usage: all.usage, withheld: all.withheld})
			}
			for _, there := range elsewhere {
				spans = append(spans, uncounted{span: there, usage: all.usage, withheld: all.withheld, elsewhere: true})
			}
		}
	}
	return usages, spans, nil
}

// An uncounted span is to be split into runs of leased and of free addresses.
type uncounted struct {
	span      Span
	usage     *Usage // whose counts grow
	withheld  bool   // its addresses cannot be leased
	elsewhere bool   // the host does not hold it
}

// countRuns counts at most limit leased runs, with the free runs after them, and returns the
// spans that are left.
func countRuns(tx backend.ReadTx, spans []uncounted, limit int) ([]uncounted, error) {
	for ; len(spans) > 0 && limit > 0; limit-- {
		count := spans[0].first
		if spans[0].elsewhere {
			count = spans[0].notHeld
		}
		rest, err := count(tx)
		if err != nil {
			return nil, err
		}
		spans[0].span = rest
		if rest == (Span{}) {
			spans = spans[1:]
		}
	}
	return spans, nil
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

// uncounted returns the spans of the set that have to be counted.
func (u *Usage) uncounted() (spans []uncounted) {
	for _, span := range u.Set.leasableSpans() {
		spans = append(spans, uncounted{span: span, usage: u})
	}
	for _, r := range u.Set.ranges {
		for _, hole := range r.span.Without(slices.Concat(r.leasable, []Span{mappedIPv4()})) { // no store accepts those
			spans = append(spans, uncounted{span: hole, usage: u, withheld: true})
		}
	}
	return spans
}

// addTaken counts a run of leased and cooling addresses.
func (u uncounted) addTaken(tx backend.ReadTx, run Span) error {
	cooling, err := countCooling(tx, run)
	if err == nil {
		u.addLeased(run.Size()-cooling, cooling)
	}
	return err
}

func (u uncounted) addLeased(leased, cooling uint64) {
	if u.withheld {
		u.usage.WithheldLeased = addSizes(u.usage.WithheldLeased, leased)
		return
	}
	u.usage.Leased = addSizes(u.usage.Leased, leased)
	u.usage.Cooling += cooling
}

func (u uncounted) addFree(run Span) {
	if u.withheld {
		return
	}
	u.usage.Free = addSizes(u.usage.Free, run.Size())
	if run.isLonger(u.usage.LargestFree) {
		u.usage.LargestFree = run
	}
}

// notHeld counts the whole span. A store that has just begun to share its range has leases there.
func (u uncounted) notHeld(tx backend.ReadTx) (rest Span, err error) {
	cooling, err := countCooling(tx, u.span)
	if err != nil {
		return Span{}, err
	}
	leased := uint64(0)
	for l, err := range tx.Leases(u.span.First) {
		if err != nil {
			return Span{}, err
		}
		if !u.span.Contains(l.Addr) {
			break
		}
		leased++
	}
	u.addLeased(leased, cooling)
	if !u.withheld {
		u.usage.NotHeld = addSizes(u.usage.NotHeld, u.span.Size()-leased-cooling)
	}
	return Span{}, nil
}

// first counts the run of leased and cooling addresses at the beginning of the span, which can be empty,
// and the run of free addresses after it. It returns the rest of the span, zero at its end.
func (u uncounted) first(tx backend.ReadTx) (rest Span, err error) {
	first, err := tx.NextFree(u.span.First, u.span.Last)
	if errors.Is(err, backend.ErrNoneFree) {
		return Span{}, u.addTaken(tx, u.span)
	}
	if err != nil {
		return Span{}, err
	}
	if u.span.First.Less(first) {
		if err := u.addTaken(tx, Span{First: u.span.First, Last: first.Prev()}); err != nil {
			return Span{}, err
		}
	}
	var next netip.Addr
	if first != u.span.Last {
		next, err = firstTaken(tx, Span{First: first, Last: u.span.Last})
	}
	if err != nil {
		return Span{}, err
	}
	if !next.IsValid() {
		u.addFree(Span{First: first, Last: u.span.Last})
		return Span{}, nil
	}
	u.addFree(Span{First: first, Last: next.Prev()})
	return Span{First: next, Last: u.span.Last}, nil
}

// firstTaken returns the lowest leased or cooling address of a span whose first address is free, or
// the zero address.
func firstTaken(tx backend.ReadTx, span Span) (netip.Addr, error) {
	leased, err := firstLeased(tx, span)
	if err != nil {
		return netip.Addr{}, err
	}
	cooling, err := firstCooling(tx, span)
	if leased.IsValid() && (!cooling.IsValid() || leased.Less(cooling)) {
		return leased, err
	}
	return cooling, err
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
