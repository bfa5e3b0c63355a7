package allocator_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// An oracle is the stock plugin's rule, written as simply as possible: leases are a map,
// and the walk goes from address to address.
type oracle struct {
	sets    [][]oracleRange
	held    map[netip.Addr]backend.Owner
	cursors map[int]netip.Addr
	onDup   allocator.Duplicate
}

type oracleRange struct {
	first, last, gateway netip.Addr
	exclude              []allocator.Span
	bits                 int
}

func (r oracleRange) contains(a netip.Addr) bool { return !a.Less(r.first) && !r.last.Less(a) }

func (r oracleRange) excluded(a netip.Addr) bool {
	return slices.ContainsFunc(r.exclude, func(s allocator.Span) bool { return !a.Less(s.First) && !s.Last.Less(a) })
}

func (r oracleRange) leasable(a netip.Addr) bool { return a != r.gateway && !r.excluded(a) }

// find returns the index of the set, and of its range, that contains a.
func (o *oracle) find(a netip.Addr) (set, rng int, ok bool) {
	for i, ranges := range o.sets {
		for j, r := range ranges {
			if r.contains(a) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// walk returns the first address after the cursor that is not held.
func (o *oracle) walk(set int) (netip.Addr, bool) {
	ranges := o.sets[set]
	at, addr, from := len(ranges)-1, ranges[len(ranges)-1].last, netip.Addr{}
	if i, j, ok := o.find(o.cursors[set]); ok && i == set {
		at, addr = j, o.cursors[set]
	}
	for {
		if addr == ranges[at].last {
			at = (at + 1) % len(ranges)
			addr = ranges[at].first
		} else {
			addr = addr.Next()
		}
		if addr == from {
			return netip.Addr{}, false
		}
		if !from.IsValid() {
			from = addr
		}
		if _, taken := o.held[addr]; !taken && ranges[at].leasable(addr) {
			return addr, true
		}
	}
}

// next walks, and walks again without torn leases if nothing was found.
func (o *oracle) next(set int) (netip.Addr, bool) {
	if a, ok := o.walk(set); ok {
		return a, true
	}
	maps.DeleteFunc(o.held, func(a netip.Addr, owner backend.Owner) bool {
		i, j, ok := o.find(a)
		return owner.IsZero() && ok && i == set && o.sets[i][j].leasable(a)
	})
	return o.walk(set)
}

// allocate returns one address of each set, or the kind of error.
func (o *oracle) allocate(owner backend.Owner, requested []netip.Addr) ([]string, string) {
	before := oracle{held: maps.Clone(o.held), cursors: maps.Clone(o.cursors)}
	got, refusal := o.allocateOrLeaveTraces(owner, requested)
	if refusal != "" {
		o.held, o.cursors = before.held, before.cursors
		return nil, refusal
	}
	return got, ""
}

func (o *oracle) allocateOrLeaveTraces(owner backend.Owner, requested []netip.Addr) (got []string, refusal string) {
	wanted := make(map[int]netip.Addr)
	for _, a := range requested {
		i, _, ok := o.find(a)
		if other := wanted[i]; !ok || other.IsValid() && other != a {
			return nil, "request"
		}
		wanted[i] = a
	}
	for set, a := range wanted {
		if _, j, _ := o.find(a); !o.sets[set][j].leasable(a) {
			return nil, "request"
		}
	}
	mine := func(set int) (addrs []netip.Addr) {
		for a, holder := range o.held {
			if i, _, ok := o.find(a); ok && i == set && owner.Covers(holder) && !holder.IsZero() {
				addrs = append(addrs, a)
			}
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		return addrs
	}
	for set := range o.sets {
		a, refusal := o.one(set, owner, wanted[set], mine(set))
		if refusal != "" {
			return nil, refusal
		}
		_, j, _ := o.find(a)
		got = append(got, fmt.Sprintf("%s/%d via %s", a, o.sets[set][j].bits, o.sets[set][j].gateway))
	}
	return got, ""
}

func (o *oracle) one(set int, owner backend.Owner, want netip.Addr, mine []netip.Addr) (netip.Addr, string) {
	if len(mine) > 0 {
		if o.onDup == allocator.ReturnExisting && !want.IsValid() {
			return mine[0], ""
		}
		if o.onDup == allocator.ReturnExisting && slices.Contains(mine, want) {
			return want, ""
		}
		return want, "duplicate"
	}
	if want.IsValid() {
		if _, taken := o.held[want]; taken {
			return want, "taken"
		}
	} else {
		var ok bool
		if want, ok = o.next(set); !ok {
			return want, "exhausted"
		}
	}
	o.held[want] = owner
	o.cursors[set] = want
	return want, ""
}

func (o *oracle) release(owner backend.Owner) {
	n := len(o.held)
	maps.DeleteFunc(o.held, func(_ netip.Addr, holder backend.Owner) bool { return holder == owner })
	if len(o.held) < n && owner.IfName != "" {
		return
	}
	maps.DeleteFunc(o.held, func(_ netip.Addr, holder backend.Owner) bool {
		return holder.ContainerID == owner.ContainerID && (holder.IfName == "" || owner.IfName == "")
	})
}

func (o *oracle) collect(valid []backend.Owner) {
	maps.DeleteFunc(o.held, func(_ netip.Addr, holder backend.Owner) bool {
		return holder.IsZero() || !slices.ContainsFunc(valid, func(v backend.Owner) bool { return v.Covers(holder) })
	})
}

// exhausted reports whether Status must return an error.
func (o *oracle) exhausted() bool {
	left := oracle{sets: o.sets, held: maps.Clone(o.held), cursors: o.cursors}
	for set := range o.sets {
		if _, ok := left.next(set); !ok {
			return true
		}
	}
	return false
}

// contents returns the same lines as the function contents.
func (o *oracle) contents() []string {
	var lines []string
	for _, a := range slices.SortedFunc(maps.Keys(o.held), netip.Addr.Compare) {
		lines = append(lines, a.String()+" "+o.held[a].String())
	}
	cursors := make(map[string]netip.Addr)
	for set, a := range o.cursors {
		cursors[fmt.Sprint(set)] = a
	}
	return append(lines, fmt.Sprint("cursors ", cursors), "boot ")
}
