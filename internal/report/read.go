package report

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/picture"
)

// A Source is a network to read.
type Source struct {
	Name, Path, Kind string

	// Store is read in several Views.
	Store backend.Store

	Pools      []allocator.Pool // of its configurations; without any the ranges are not known
	ReuseAfter time.Duration    // how long addresses cool, as the configuration says now
	Boot       allocator.Boot   // the present one
	Now        time.Time
}

// maxCells is how many cells with leases a picture can have: more than a page shows.
const maxCells = 1 << 14

// Read reads a network. If it fails, the Network has what was read before, and Failure is empty.
//
// It reads in several Views, so that other transactions can run in between. The parts are not one
// snapshot: an address can be both in Leases and in Ended if it was released meanwhile.
func Read(ctx context.Context, s Source) (Network, error) {
	r := reader{Source: s, n: Network{Name: s.Name, Path: s.Path, Store: s.Kind, Boot: s.Boot}, cooling: make(map[netip.Addr]time.Time)}
	for _, p := range s.Pools {
		r.sets = append(r.sets, p.Sets()...)
	}
	err := s.Store.View(ctx, r.readPast)
	if err == nil {
		err = allocator.ReadPortions(ctx, s.Store, r.addLeases)
	}
	if err != nil {
		return r.n, err
	}
	r.finish()
	for _, p := range s.Pools {
		usage, err := p.ReadUsage(ctx, s.Store)
		if err != nil {
			return r.n, err
		}
		r.n.Usage = append(r.n.Usage, usage...)
	}
	if r.n.Total > MaxLeases {
		return r.n, nil
	}
	r.n.Forecasts, err = allocator.ReadForecasts(ctx, s.Store, r.n.Usage, s.Now, func() ([]backend.Lease, error) { return r.n.Leases, nil })
	if errors.Is(err, backend.ErrDamaged) { // As for the history: all else is known.
		r.n.Forecasts, err = make([]allocator.Forecast, len(r.n.Usage)), nil
	}
	return r.n, err
}

// A reader reads a network.
type reader struct {
	Source
	n       Network
	sets    []allocator.Set
	fills   []*filling // of each set; nil elements if not known
	cooling map[netip.Addr]time.Time
}

// readPast reads what is not leases, and prepares what is made from them.
func (r *reader) readPast(tx backend.ReadTx) error {
	held, shared, err := r.readShared(tx)
	if err != nil {
		return err
	}
	for _, set := range r.sets {
		for _, rng := range set.Ranges() {
			p := picture.NewDetailed(r.Name, rng, r.Boot.SeemsEarlier, maxCells)
			if shared {
				p.SetHeld(held)
			}
			r.n.Pictures = append(r.n.Pictures, p)
		}
	}
	if err := r.readCooling(tx); err != nil {
		return err
	}
	err = r.readHistory(tx)
	if errors.Is(err, backend.ErrDamaged) { // The leases are more important.
		r.n.NoHistory, r.n.Ended, err = "the history cannot be read: "+err.Error(), nil, nil
	}
	return err
}

// readShared returns the addresses that this host may lease if the store is shared.
func (r *reader) readShared(tx backend.ReadTx) (held []allocator.Span, shared bool, err error) {
	m, err := tx.Membership()
	if err != nil || m.IsZero() {
		return nil, false, err
	}
	held, shared, err = allocator.Held(tx)
	r.n.Shared = fmt.Sprintf("host %s of the hosts that share the addresses of %s; it holds %d of their blocks", m.Host, m.Space, len(held))
	if m.Stopped != "" {
		r.n.Shared += "; it leases nothing: " + m.Stopped
	}
	return held, shared, err
}

func (r *reader) readCooling(tx backend.ReadTx) error {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok {
		return nil
	}
	for c, err := range store.LongestCooling() {
		if err != nil {
			return err
		}
		r.cooling[c.Addr] = c.Since
	}
	return nil
}

func (r *reader) readHistory(tx backend.ReadTx) error {
	r.fills = make([]*filling, len(r.sets))
	store, ok := tx.(backend.HistoryReadTx)
	if !ok {
		if r.Kind == "files" {
			r.n.NoHistory = "a files store keeps no history; a bolt store does"
		}
		return nil
	}
	policy, err := allocator.HistoryOf(store)
	if err != nil {
		return err
	}
	if r.n.EndedAll, err = store.HistoryLen(); err != nil {
		return err
	}
	if policy.Keep == 0 && r.n.EndedAll == 0 {
		r.n.NoHistory = `the history is off ("history" in ipam)`
		return nil
	}
	for e, err := range store.HistoryBackward() {
		if err != nil {
			return err
		}
		if len(r.n.Ended) == MaxEnded || policy.IsExpired(e, r.Now) {
			break
		}
		r.n.Ended = append(r.n.Ended, e)
	}
	if r.n.Reach, err = allocator.ReadReach(store, netip.Addr{}, r.Now); err != nil {
		return err
	}
	r.beginFills()
	return nil
}

// beginFills begins where the history does.
func (r *reader) beginFills() {
	for i, set := range r.sets {
		r.fills[i] = newFilling(r.n.Reaches(), r.Now)
		for _, e := range r.n.Ended {
			if set.Contains(e.Addr) && !e.Until.IsZero() {
				r.fills[i].add(e.Lease, e.Until)
			}
		}
	}
}

// addLeases adds a portion of the leases.
func (r *reader) addLeases(some []backend.Lease) error {
	n := &r.n
	for _, l := range some {
		delete(r.cooling, l.Addr) // It was leased again meanwhile.
		if l.Owner.IsZero() {
			n.Torn++
		} else if r.Boot.SeemsEarlier(l) {
			n.Earlier++
		}
		for _, p := range n.Pictures {
			p.Add(l)
		}
		r.addToFill(l)
	}
	if n.Total += len(some); n.Total <= MaxLeases {
		n.Leases = append(n.Leases, some...)
	} else {
		n.Leases = nil
	}
	n.Newest = newest(append(n.Newest, newest(slices.Clone(some))...))
	return nil
}

func (r *reader) addToFill(l backend.Lease) {
	for i, set := range r.sets {
		if set.Contains(l.Addr) {
			if r.fills != nil {
				r.fills[i].add(l, time.Time{})
			}
			return
		}
	}
	if len(r.sets) > 0 {
		r.n.Outside++
	}
}

// newest returns the leases that were made last, the newest first.
func newest(leases []backend.Lease) []backend.Lease {
	leases = slices.DeleteFunc(leases, func(l backend.Lease) bool { return l.Since.IsZero() })
	slices.SortStableFunc(leases, func(a, b backend.Lease) int { return b.Since.Compare(a.Since) })
	return leases[:min(len(leases), Recent)]
}

// finish adds what was cooling and is not leased again, and the fills.
func (r *reader) finish() {
	n := &r.n
	for addr, since := range r.cooling {
		for _, p := range n.Pictures {
			p.AddCooling(addr)
		}
		c := Cooling{Cooling: backend.Cooling{Addr: addr, Since: since}}
		if r.ReuseAfter > 0 {
			c.Until = since.Add(r.ReuseAfter)
		}
		n.Cooling = append(n.Cooling, c)
	}
	slices.SortFunc(n.Cooling, func(a, b Cooling) int { return a.Since.Compare(b.Since) })
	n.Cools = len(n.Cooling)
	n.Cooling = n.Cooling[:min(len(n.Cooling), Recent)]
	for _, f := range r.fills {
		n.Fills = append(n.Fills, f.fill())
	}
}
