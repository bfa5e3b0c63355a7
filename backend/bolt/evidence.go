package bolt

import (
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// Evidence is what a file says about which leases there are, besides the leases. What
// of it could not be read as a whole is nil.
type evidence struct {
	current   bool // it is of the last transaction
	astray    bool // it can be older by more than one
	runs      []run
	owners    []string // keys of the index of owners, ascending
	ownerRuns []run    // of the addresses in owners
	free      bitmap
	end       uint64 // no page from here on is in use
	pageSize  int64
}

// known returns the addresses that are leased according to either index: rather is an
// address taken that nobody holds than one free that somebody does. But a flipped bit can
// make a run of a few addresses one of millions: runs of many more addresses than have
// owners are not believed. If there is no index, ok is false.
func (e *evidence) known() (leased []run, ok bool) {
	switch {
	case e.owners == nil:
		return e.runs, e.runs != nil
	case e.runs == nil || holdMore(e.runs, 2*len(e.owners)+64):
		return e.ownerRuns, true
	}
	return joined(e.ownerRuns, e.runs), true
}

// holdMore reports whether runs hold more than n addresses.
func holdMore(runs []run, n int) bool {
	for _, r := range runs {
		for at := r.first; at.IsValid() && !r.last.Less(at); at = at.Next() {
			if n--; n < 0 {
				return true
			}
		}
	}
	return false
}

// gone reports whether a lease that stands at the given offset of the file has been
// released: all that can be heard says so. If it is not certain that this is
// of the last transaction, it says nothing.
func (e *evidence) gone(at int64, l backend.Lease) bool {
	if !e.current {
		return false
	}
	heard := false
	for _, witness := range []struct{ heard, leased bool }{
		{e.runs != nil, e.inRun(l.Addr)},
		{e.owners != nil, e.owned(l)},
		{e.free != nil, e.inUse(at)},
	} {
		if witness.heard && witness.leased {
			return false
		}
		heard = heard || witness.heard
	}
	return heard
}

func (e *evidence) inRun(addr netip.Addr) bool {
	i, _ := slices.BinarySearchFunc(e.runs, addr, func(r run, a netip.Addr) int { return r.last.Compare(a) })
	return i < len(e.runs) && e.runs[i].holds(addr)
}

// owned reports whether the index of owners has a lease.
func (e *evidence) owned(l backend.Lease) bool {
	_, ok := slices.BinarySearch(e.owners, string(ownerKey(l.Owner.ContainerID, l.Addr)))
	return ok
}

// inUse reports whether what stands at an offset is in a page that is not free.
func (e *evidence) inUse(at int64) bool {
	if e.pageSize == 0 {
		return false
	}
	id := uint64(at / e.pageSize)
	return id < e.end && !e.free.has(id)
}

// runsOf returns the runs of addresses, which are ascending, and may be repeated.
func runsOf(addrs []netip.Addr) []run {
	runs := []run{}
	for _, a := range addrs {
		runs = extendRun(runs, a)
	}
	return runs
}

// extendRun adds an address to runs, none of whose addresses is above it.
func extendRun(runs []run, addr netip.Addr) []run {
	if n := len(runs); n > 0 && (runs[n-1].last == addr || runs[n-1].last.Next() == addr) {
		runs[n-1].last = addr
		return runs
	}
	return append(runs, run{addr, addr})
}

// joined returns what is in either of some runs.
func joined(a, b []run) []run {
	all := slices.Concat(a, without(b, a))
	slices.SortFunc(all, func(a, b run) int { return a.first.Compare(b.first) })
	return all
}

// without returns what of some runs is in none of others.
func without(runs, others []run) (left []run) {
	for _, r := range runs {
		for len(others) > 0 && others[0].last.Less(r.first) {
			others = others[1:]
		}
		at := r.first
		for _, o := range others {
			if r.last.Less(o.first) || !at.IsValid() {
				break
			}
			if at.Less(o.first) {
				left = append(left, run{at, o.first.Prev()})
			}
			at = o.last.Next() // After the last address of a family comes the zero address.
		}
		if at.IsValid() && !r.last.Less(at) {
			left = append(left, run{at, r.last})
		}
	}
	return left
}
