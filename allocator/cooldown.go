package allocator

import (
	"iter"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Cooldown keeps released addresses from being leased again at once: until ARP caches, conntrack
// and Services have forgotten the last holder. The zero Cooldown does not.
type Cooldown struct {
	// ReuseAfter is how long an address is passed over after its release while another one is
	// free. If none is, the address that was released first is leased.
	ReuseAfter time.Duration

	// Strict keeps such an address from being leased even then; Allocate returns an
	// [ExhaustedError].
	Strict bool
}

// isWarm reports whether an address that was released then is to be passed over. A time ahead of
// the clock, which was set back since, counts as long ago.
func (c Cooldown) isWarm(since, now time.Time) bool {
	return !since.After(now) && now.Sub(since) < c.ReuseAfter
}

// coolPortion is how many addresses an Allocate makes free again. Each release makes one cool, so
// that none waits for long, and no Allocate takes long after many releases.
const coolPortion = 16

// endCooling makes addresses free that are not warm any more.
func (c Cooldown) endCooling(tx backend.Tx, now time.Time) error {
	store, ok := tx.(backend.CoolingTx)
	if !ok {
		return nil
	}
	for _, all := range bothEnds(store) {
		cool, err := c.firstCool(all, now)
		if err != nil {
			return err
		}
		for _, addr := range cool {
			if err := store.EndCooling(addr); err != nil {
				return err
			}
		}
	}
	return nil
}

// readCool reads what endCooling reads.
func (c Cooldown) readCool(tx backend.ReadTx, now time.Time) error {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok {
		return nil
	}
	for _, all := range bothEnds(store) {
		if _, err := c.firstCool(all, now); err != nil {
			return err
		}
	}
	return nil
}

// bothEnds iterates over the cooling addresses from both ends: those ahead of the clock are the last.
func bothEnds(store backend.CoolingReadTx) []iter.Seq2[backend.Cooling, error] {
	return []iter.Seq2[backend.Cooling, error]{store.LongestCooling(), store.LatestCooling()}
}

// firstCool returns the addresses before the first that is warm, at most coolPortion.
func (c Cooldown) firstCool(all iter.Seq2[backend.Cooling, error], now time.Time) (cool []netip.Addr, err error) {
	for one, err := range all {
		if err != nil {
			return nil, err
		}
		if c.isWarm(one.Since, now) || len(cool) == coolPortion {
			break
		}
		cool = append(cool, one.Addr)
	}
	return cool, nil
}

// longestCooling returns the address of the set that was released first, or [backend.ErrNoneFree]
// if none is cooling, or none may be leased yet: then next is when one may.
func (c Cooldown) longestCooling(tx backend.ReadTx, s Set, now time.Time) (addr netip.Addr, next time.Time, err error) {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok {
		return addr, next, backend.ErrNoneFree
	}
	held, err := holds(tx)
	if err != nil {
		return addr, next, err
	}
	for one, err := range store.LongestCooling() {
		switch {
		case err != nil:
			return addr, next, err
		case !s.leasable(one.Addr) || !held(one.Addr):
		case c.Strict && c.isWarm(one.Since, now):
			return addr, one.Since.Add(c.ReuseAfter), backend.ErrNoneFree
		default:
			return one.Addr, next, nil
		}
	}
	return addr, next, backend.ErrNoneFree
}

// WithheldUntil returns when all addresses of a span can be leased again as far as Strict keeps them from it; zero if
// it keeps none.
func (c Cooldown) WithheldUntil(tx backend.ReadTx, span Span, now time.Time) (until time.Time, err error) {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok || !c.Strict {
		return until, nil
	}
	for one, err := range store.CoolingFrom(span.First) {
		if err != nil || !span.Contains(one.Addr) {
			return until, err
		}
		if end := one.Since.Add(c.ReuseAfter); c.isWarm(one.Since, now) && end.After(until) {
			until = end
		}
	}
	return until, nil
}

// leasable reports whether addr can be leased from the set.
func (s Set) leasable(addr netip.Addr) bool {
	i := s.index(addr)
	return i >= 0 && s.ranges[i].Leasable(addr)
}

// cool makes the address of a lease that has ended cooling.
func (e *ending) cool(l backend.Lease) error {
	store, ok := e.tx.(backend.CoolingTx)
	if !ok || isTorn(l) || !e.policy.isWarm(e.at, time.Now()) {
		return nil
	}
	return e.unlessLost(store.Cool(l.Addr, e.at))
}

// countCooling returns how many addresses of a span are cooling.
func countCooling(tx backend.ReadTx, span Span) (n uint64, err error) {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok {
		return 0, nil
	}
	for one, err := range store.CoolingFrom(span.First) {
		if err != nil {
			return 0, err
		}
		if !span.Contains(one.Addr) {
			break
		}
		n++
	}
	return n, nil
}

// firstCooling returns the lowest cooling address of a span, or the zero address.
func firstCooling(tx backend.ReadTx, span Span) (netip.Addr, error) {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok {
		return netip.Addr{}, nil
	}
	for one, err := range store.CoolingFrom(span.First) {
		if err != nil || !span.Contains(one.Addr) {
			return netip.Addr{}, err
		}
		return one.Addr, nil
	}
	return netip.Addr{}, nil
}
