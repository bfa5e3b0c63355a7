// Package salvage reads what can be read of a bolt store, which may be corrupt in any way.
//
// Leases are read from their tree. Unless those are known to be all, they are also searched
// for at every byte of the file, because bbolt leaves old pages in it for a while. The two
// indices and the freelist, as far as they can be read, decide which of the leases found
// that way are current. A lease that nothing contradicts is kept, because an address that
// is taken without need does less harm than one that is leased twice.
package salvage

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// A Result is what could be read of a file. Its fields are documented at bolt.Salvage.
type Result struct {
	Leases     []backend.Lease
	Cursors    map[string]netip.Addr
	LastSearch string

	Membership backend.Membership
	Blocks     []backend.Block

	History []backend.Ended
	Policy  string
	Cooling []backend.Cooling

	Gap         time.Time
	HistoryLost bool

	Doubtful int
	Missing  [][2]netip.Addr
	Unsure   bool
	Lost     []string
}

// Read salvages a file of that size. It returns [backend.ErrFormat] for one that is not a
// lease store, or of an unsupported version.
func Read(r io.ReaderAt, size int64) (Result, error) {
	s := &salvager{candidates: make(map[netip.Addr]candidate), boots: make(map[uint64]string)}
	s.Cursors = make(map[string]netip.Addr)
	if m, ok := s.chooseMeta(r, size); ok {
		if err := s.readTrees(m); err != nil {
			return Result{}, err
		}
	} else {
		s.lost.Add(errors.New("the cursors, and the boot of the machine"))
	}
	if !s.isComplete() {
		searcher{r, size, s.consider, s.reportUnreadable}.search()
		for _, c := range s.candidates {
			if s.isDoubtful(c) {
				s.Doubtful++
			}
		}
	}
	s.finish()
	return s.Result, nil
}

// A salvager collects what can be read of a file.
type salvager struct {
	Result
	indices
	w            *page.Walker
	buckets      map[string]page.BucketEntry
	shared       bool  // several hosts share the addresses
	unsupported  error // the file is not a lease store, or not of this version
	packs        []format.Pack
	version      byte // of its format; 0 if it could not be read
	candidates   map[netip.Addr]candidate
	boots        map[uint64]string
	unreadable   []netip.Addr // addresses of entries of leases that cannot be read
	lost         page.Errors
	leasesFaults page.Errors // in the bucket leases
}

// A candidate is a lease that may be the current one of its address.
type candidate struct {
	backend.Lease
	boot   uint64
	inTree bool // found through the tree
	inUse  bool // on a page that is not free
}

// isComplete reports whether the leases in the tree are known to be all. A tree without
// faults is not enough: its root can be the wrong page.
func (s *salvager) isComplete() bool {
	switch {
	case !s.current || !s.leasesFaults.None():
		return false
	case s.owners != nil:
		return len(s.owners) == len(s.candidates) && s.allIndexed()
	}
	return s.runs != nil && slices.Equal(s.runs, runsOf(s.addrs()))
}

func (s *salvager) allIndexed() bool {
	for _, c := range s.candidates {
		if !s.hasOwner(c.Lease) {
			return false
		}
	}
	return true
}

// addrs returns the addresses of all candidates in ascending order.
func (s *salvager) addrs() []netip.Addr {
	return slices.SortedFunc(maps.Keys(s.candidates), netip.Addr.Compare)
}

// consider makes a lease at an offset of the file a candidate, unless it was released or
// there is a better one.
func (s *salvager) consider(at int64, l backend.Lease, boot uint64) {
	if s.isReleased(at, l) {
		return
	}
	c := candidate{Lease: l, boot: boot, inUse: s.inUse(at)}
	if old, ok := s.candidates[l.Addr]; !ok || s.isBetter(c, old) {
		s.candidates[l.Addr] = c
	}
}

// isBetter reports whether a is more likely to be the current lease of its address than b.
func (s *salvager) isBetter(a, b candidate) bool {
	switch indexed := s.hasOwner(a.Lease); {
	case !s.current: // The last transaction can have written anywhere.
	case indexed != s.hasOwner(b.Lease):
		return indexed
	case a.inUse != b.inUse:
		return a.inUse
	case a.inTree != b.inTree:
		return a.inTree
	}
	return a.Since.After(b.Since)
}

// isDoubtful reports whether a candidate may have been released.
func (s *salvager) isDoubtful(c candidate) bool {
	switch {
	case s.hasOwner(c.Lease):
		return false
	case s.owners == nil:
		return !c.inTree
	}
	return !c.inTree || !s.hasRun(c.Addr)
}

func (s *salvager) reportUnreadable(from, to int64, err error) {
	s.lost.Add(fmt.Errorf("bytes %d to %d: %w", from, to-1, err))
}

// finish fills in the result.
func (s *salvager) finish() {
	addrs, withoutBoot := s.addrs(), 0
	for _, addr := range addrs {
		c := s.candidates[addr]
		c.Boot = s.boots[c.boot]
		if c.boot != 0 && c.Boot == "" {
			withoutBoot++
		}
		s.Leases = append(s.Leases, c.Lease)
	}
	s.reportMissing(runsOf(addrs))
	s.Cooling = slices.DeleteFunc(s.Cooling, func(c backend.Cooling) bool { return s.isTaken(c.Addr) })
	if withoutBoot > 0 {
		s.lost.Add(fmt.Errorf("the boots of %d leases", withoutBoot))
	}
	for _, err := range s.lost.List {
		s.Lost = append(s.Lost, err.Error())
	}
	if s.lost.More > 0 {
		s.Lost = append(s.Lost, fmt.Sprintf("and %d more", s.lost.More))
	}
}

// isTaken reports whether an address is leased, or may be.
func (s *salvager) isTaken(addr netip.Addr) bool {
	_, leased := s.candidates[addr]
	return leased || slices.ContainsFunc(s.Missing, func(r [2]netip.Addr) bool {
		return format.Run{First: r[0], Last: r[1]}.Contains(addr)
	})
}

// knowsAddresses reports whether it is known which addresses are leased, even if not all of
// the leases could be read.
func (s *salvager) knowsAddresses() bool {
	switch {
	case s.foreignMeta, s.runs == nil && s.owners == nil:
		return false
	case !s.leasesFaults.None():
		return s.current && s.indicesAgree()
	case !s.current: // What the last transaction did can be on pages that are lost as well.
		return s.runs != nil && s.owners != nil
	}
	return true
}

// indicesAgree reports whether both indices have the same addresses, and all addresses of
// the leases in the tree. An index has no checksum: one that has lost an address unnoticed can
// have lost others.
func (s *salvager) indicesAgree() bool {
	outside := func(a netip.Addr) bool { return !s.candidates[a].inTree }
	inTree := runsOf(slices.DeleteFunc(s.addrs(), outside))
	return s.owners != nil && len(s.runs) > 0 && slices.Equal(s.runs, s.ownerRuns) &&
		len(subtractRuns(inTree, s.runs)) == 0
}

// reportMissing reports which leases were not found: exactly, if an index can be read, and
// otherwise the faults of their pages. An entry that cannot be read counts as a lease,
// whatever the indices say.
func (s *salvager) reportMissing(found []format.Run) {
	leased, ok := s.leasedRuns()
	unreadable := runsOf(slices.SortedFunc(slices.Values(s.unreadable), netip.Addr.Compare))
	leased = joinRuns(leased, unreadable)
	s.Unsure = !s.knowsAddresses()
	if !ok {
		s.lost.Join(s.leasesFaults)
	}
	for _, r := range subtractRuns(leased, found) {
		s.Missing = append(s.Missing, [2]netip.Addr{r.First, r.Last})
		if r.First == r.Last {
			s.lost.Add(fmt.Errorf("the lease of %s", r.First))
		} else {
			s.lost.Add(fmt.Errorf("the leases of %s to %s", r.First, r.Last))
		}
	}
}
