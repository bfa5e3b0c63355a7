package salvage

import (
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// Indices are what a file has about its leases besides the leases: the two indices and the
// freelist. Each is nil if any part of it could not be read.
type indices struct {
	current     bool // they are of the last transaction
	foreignMeta bool // a meta page is of another file or of long ago: they can be, too
	runs        []format.Run
	owners      []string     // keys of the owners index, ascending
	ownerRuns   []format.Run // of the addresses in owners
	free        page.Bitmap
	end         uint64 // no page from here on is in use
	pageSize    int64
}

// leasedRuns returns the addresses that either index has: it is better to keep a free address
// than to lease one twice. But a flipped bit can turn a run of a few addresses into one of
// millions, so runs of many more addresses than have owners do not count. If there is no
// index, ok is false.
func (x *indices) leasedRuns() (leased []format.Run, ok bool) {
	switch {
	case x.owners == nil:
		return x.runs, x.runs != nil
	case x.runs == nil || holdMore(x.runs, 2*len(x.owners)+64):
		return x.ownerRuns, true
	}
	return joinRuns(x.ownerRuns, x.runs), true
}

// holdMore reports whether runs hold more than n addresses.
func holdMore(runs []format.Run, n int) bool {
	for _, r := range runs {
		for at := r.First; at.IsValid() && !r.Last.Less(at); at = at.Next() {
			if n--; n < 0 {
				return true
			}
		}
	}
	return false
}

// isReleased reports whether a lease at an offset of the file has been released: none of the
// two indices and the freelist says that it is leased, and at least one of them could be
// read. If they may not be of the last transaction, they say nothing.
func (x *indices) isReleased(at int64, l backend.Lease) bool {
	if !x.current || x.runs == nil && x.owners == nil && x.free == nil {
		return false
	}
	return !x.hasRun(l.Addr) && !x.hasOwner(l) && (x.free == nil || !x.inUse(at))
}

// hasRun reports whether the runs index has an address.
func (x *indices) hasRun(addr netip.Addr) bool {
	i, _ := slices.BinarySearchFunc(x.runs, addr, func(r format.Run, a netip.Addr) int { return r.Last.Compare(a) })
	return i < len(x.runs) && x.runs[i].Contains(addr)
}

// hasOwner reports whether the owners index has a lease.
func (x *indices) hasOwner(l backend.Lease) bool {
	_, ok := slices.BinarySearch(x.owners, string(format.OwnerKey(l.Owner.ContainerID, l.Addr)))
	return ok
}

// inUse reports whether an offset of the file is on a page that is not free.
func (x *indices) inUse(at int64) bool {
	if x.pageSize == 0 {
		return false
	}
	id := uint64(at / x.pageSize)
	return id < x.end && !x.free.Has(id)
}

// runsOf returns the runs of ascending addresses, which may repeat.
func runsOf(addrs []netip.Addr) []format.Run {
	runs := []format.Run{}
	for _, a := range addrs {
		runs = format.AppendToRuns(runs, a)
	}
	return runs
}

// joinRuns returns what is in a or in b.
func joinRuns(a, b []format.Run) []format.Run {
	all := slices.Concat(a, subtractRuns(b, a))
	slices.SortFunc(all, func(a, b format.Run) int { return a.First.Compare(b.First) })
	return all
}

// subtractRuns returns what is in runs and not in others.
func subtractRuns(runs, others []format.Run) (left []format.Run) {
	for _, r := range runs {
		for len(others) > 0 && others[0].Last.Less(r.First) {
			others = others[1:]
		}
		at := r.First
		for _, o := range others {
			if r.Last.Less(o.First) || !at.IsValid() {
				break
			}
			if at.Less(o.First) {
				left = append(left, format.Run{First: at, Last: o.First.Prev()})
			}
			at = o.Last.Next() // The zero address after the last one of a family.
		}
		if at.IsValid() && !r.Last.Less(at) {
			left = append(left, format.Run{First: at, Last: r.Last})
		}
	}
	return left
}
