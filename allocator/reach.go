package allocator

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Reach is how far back a store knows who held an address.
type Reach struct {
	// From is the time from which on an address was free if no lease is known. Leases that ended
	// before can be missing. It is the present if any lease can be missing that has ended.
	From time.Time

	// Why says why leases can be missing, as the end of a sentence.
	Why string

	// Complete reports whether the store has each lease that has ended since it made its first.
	Complete bool
}

// Knows reports whether no lease can be missing that was held at that time or later. Stores keep the
// time of an ended lease in whole seconds.
func (r Reach) Knows(at time.Time) bool { return !at.Before(r.From.Truncate(time.Second)) }

// limit makes the reach shorter.
func (r *Reach) limit(from time.Time, why string) {
	if !from.Before(r.From) && !from.IsZero() {
		*r = Reach{From: from, Why: why}
	}
}

// inDays writes a duration that is a number of days as people write it.
func inDays(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// maxExplained is the most leases, and the most ended ones, that are read to find out whether they are
// all that were made, so that no ADD waits long.
const maxExplained = 20_000

// ReadReach returns the Reach of a store for an address, or for all addresses if it is zero: a
// forgotten lease matters for its address only. It reads the whole history and, unless leases were moved
// into the store or ended leases were dropped, the leases. If the history has more than 20,000 ended
// leases, and none of the address was forgotten, it reads only the first one, and takes the history for
// incomplete.
func ReadReach(tx backend.ReadTx, addr netip.Addr, now time.Time) (Reach, error) {
	store, ok := tx.(backend.HistoryReadTx)
	if !ok {
		return Reach{From: now, Why: "its store keeps no history"}, nil
	}
	h, err := HistoryOf(store)
	if err != nil {
		return Reach{}, err
	}
	n, err := store.HistoryLen()
	if err != nil {
		return Reach{}, err
	}
	counts, err := store.Counts()
	if err != nil {
		return Reach{}, err
	}
	s := past{addr: addr, history: h, now: now, counts: counts, n: uint64(n)}
	if s.long, err = s.isLong(store); err != nil {
		return Reach{}, err
	}
	if err := s.read(store); err != nil {
		return Reach{}, err
	}
	r, err := s.begin(store)
	if err != nil {
		return Reach{}, err
	}
	if s.expired {
		r.limit(now.Add(-h.For), "ended leases are kept for "+inDays(h.For))
	}
	r.limit(s.afterForgotten, "ended leases were forgotten")
	r.limit(counts.Gap, "ended leases are missing until then: the history was off, the disk was full, a part of it was damaged, or an older store was put back")
	return r, nil
}

// A past is what the history of a store says about itself.
type past struct {
	addr    netip.Addr // zero: all
	history History
	now     time.Time
	counts  backend.Counts
	n       uint64 // how many ended leases it has
	long    bool   // only its beginning is read

	first          time.Time // when the first one ended of which that is known
	earliest       time.Time // when the earliest lease was made
	expired        bool      // one is kept longer than it has to be
	afterForgotten time.Time // before which a forgotten one ended
}

// isLong reports whether the history is too long to be read for an address of which nothing was forgotten.
func (p *past) isLong(store backend.HistoryReadTx) (bool, error) {
	if p.n <= maxExplained || !p.addr.IsValid() {
		return false, nil
	}
	for e, err := range store.HistoryOf(p.addr) {
		if err != nil || e.Forgotten() {
			return false, err
		}
	}
	return true, nil
}

func (p *past) read(store backend.HistoryReadTx) error {
	forgotten := false
	for e, err := range store.History() {
		if err != nil {
			return err
		}
		if e.Until.IsZero() {
			forgotten = forgotten || !p.addr.IsValid() || p.addr == e.Addr
			continue
		}
		if p.first.IsZero() {
			p.first = e.Until
		}
		if forgotten { // They are in the order in which they were recorded.
			p.afterForgotten, forgotten = e.Until, false
		}
		p.expired = p.expired || p.history.IsExpired(e, p.now)
		p.made(e.Lease)
		if p.long {
			return nil
		}
	}
	if forgotten {
		p.afterForgotten = p.now
	}
	return nil
}

func (p *past) made(l backend.Lease) {
	if !l.Since.IsZero() && (p.earliest.IsZero() || l.Since.Before(p.earliest)) {
		p.earliest = l.Since
	}
}

// begin returns when the history begins.
func (p *past) begin(store backend.HistoryReadTx) (Reach, error) {
	complete, err := p.isComplete(store)
	switch {
	case err != nil:
		return Reach{}, err
	case complete && p.earliest.IsZero() && p.n > 0:
		return Reach{From: p.now, Why: "ended leases were forgotten"}, nil
	case complete && p.earliest.IsZero():
		return Reach{From: p.now, Why: "the store has made no lease yet"}, nil
	case complete:
		return Reach{From: p.earliest, Why: "the first lease was made then", Complete: true}, nil
	case p.history.Keep == 0:
		return Reach{From: p.now, Why: `the history is off ("history" in ipam)`}, nil
	case p.first.IsZero():
		return Reach{From: p.now, Why: "the history is empty, but did not begin with the first lease"}, nil
	case p.n >= uint64(p.history.Keep) && p.history.Keep == 1:
		return Reach{From: p.first, Why: "1 ended lease is kept"}, nil
	case p.n >= uint64(p.history.Keep):
		return Reach{From: p.first, Why: fmt.Sprintf("%d ended leases are kept", p.history.Keep)}, nil
	}
	return Reach{From: p.first, Why: "the history begins then"}, nil
}

// isComplete reports whether the counts of the store prove that nothing is missing: a store into which
// leases were moved does not have those that ended in the other store, and a history can have been
// dropped. Then it has read all leases.
func (p *past) isComplete(store backend.HistoryReadTx) (bool, error) {
	if p.long {
		return false, nil
	}
	held := p.counts.Made - p.counts.Undone - p.n
	if held > maxExplained || !p.counts.Explain(held, p.n) {
		return false, nil
	}
	seen := uint64(0)
	for l, err := range store.Leases(netip.Addr{}) {
		if err != nil {
			return false, err
		}
		if seen++; seen > held {
			return false, nil
		}
		p.made(l)
	}
	return seen == held, nil
}
