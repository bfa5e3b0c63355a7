package bolt

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/flock"
)

// A Salvage is what could be read of a damaged file. All of it can be put into a new
// store.
type Salvage struct {
	// Leases are ascending by address. The Boot of a lease is empty if its name
	// could not be read.
	Leases []backend.Lease

	// Cursors and Boot are as [backend.ReadTx] has them.
	Cursors map[string]netip.Addr
	Boot    string

	// Doubtful is how many of Leases may have been released already: no index has
	// them, or, where there is none, they stand in pages that nothing leads to.
	Doubtful int

	// Missing are the runs of addresses, first and last, that are leased according
	// to an index, and of which the leases could not be read.
	Missing [][2]netip.Addr

	// Unsure reports that leases may be missing, and it is not known which: where
	// leases could not be read, two indices have to say the same.
	Unsure bool

	// Lost says in words what could not be read.
	Lost []string

	// Read describes the file as it was, locked, before it was read.
	Read fs.FileInfo
}

// Salvage reads what can be read of the file, which may have any content, and calls fn
// with it. Nobody else uses the store until fn has returned. If there is no file, it
// returns [fs.ErrNotExist]; if it holds something else than leases, or those of a
// later version, [backend.ErrFormat]. If ctx ends before the lock is obtained it
// returns [backend.ErrBusy].
//
// Where a page is lost, leases are looked for in the whole file, and bbolt leaves the
// old pages of a tree in it for a while. What a lease found there is worth is
// judged by the indices and the list of free pages, as far as they can be read; a
// lease that nothing speaks against is kept, because an address that is leased
// without need does less harm than one that is leased twice.
func (s *Store) Salvage(ctx context.Context, fn func(Salvage) error) error {
	leave, err := s.enter(ctx, true)
	if err != nil {
		return err
	}
	defer leave()
	f, err := s.openStandingExclusive(ctx)
	if err != nil {
		return err
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	if err != nil {
		return s.fail(err)
	}
	found, err := salvage(f, info.Size())
	if err != nil {
		return s.fail(err)
	}
	found.Read = info
	return fn(found)
}

// openStandingExclusive is openExclusive, but makes no file.
func (s *Store) openStandingExclusive(ctx context.Context) (*os.File, error) {
	for {
		f, err := s.openStanding(os.O_RDWR)
		if err != nil {
			return nil, err
		}
		if err := s.locked(f, flock.Exclusive(ctx, f)); err != nil {
			return nil, err
		}
		if info := infoAt(s.path, f); info != nil {
			if ok, err := s.admitted(f, info, updating); ok || err != nil {
				return f, err
			}
		}
		f.Close() // replaced while we waited: a lock on the wrong file
	}
}

func salvage(r io.ReaderAt, size int64) (Salvage, error) {
	v := &salvager{finds: make(map[netip.Addr]find), boots: make(map[uint64]string)}
	v.Cursors = make(map[string]netip.Addr)
	if m, ok := v.chooseMeta(r, size); ok {
		if err := v.readTrees(m); err != nil {
			return Salvage{}, err
		}
	} else {
		v.lost.add(fmt.Errorf("the cursors, and the boot of the machine"))
	}
	if !v.complete() {
		searcher{r, size, v.met, v.unreadable}.search()
		for _, f := range v.finds {
			if v.doubtful(f) {
				v.Doubtful++
			}
		}
	}
	v.finish()
	return v.Salvage, nil
}

// A salvager collects what can be read of a file.
type salvager struct {
	Salvage
	evidence
	w       *walker
	buckets map[string]bucketEntry
	strange error // the file is no lease store, or not of this version
	finds   map[netip.Addr]find
	boots   map[uint64]string
	broken  []netip.Addr // entries of leases that cannot be read
	lost    findings
	faults  findings // in the bucket leases
}

// A find is a lease that has been found.
type find struct {
	backend.Lease
	boot    uint64
	reached bool // by way of the tree
	inUse   bool // it stands in a page that is not free
}

// complete reports whether the leases read are all there are. That the tree has no
// faults does not say so: it can have begun in the wrong page.
func (v *salvager) complete() bool {
	switch {
	case !v.current || !v.faults.none():
		return false
	case v.owners != nil:
		return len(v.owners) == len(v.finds) && v.allOwned()
	}
	return v.runs != nil && slices.Equal(v.runs, runsOf(v.addrs()))
}

func (v *salvager) allOwned() bool {
	for _, f := range v.finds {
		if !v.owned(f.Lease) {
			return false
		}
	}
	return true
}

func (v *salvager) addrs() []netip.Addr {
	return slices.SortedFunc(maps.Keys(v.finds), netip.Addr.Compare)
}

// met decides about a lease that stands somewhere in the file.
func (v *salvager) met(at int64, l backend.Lease, boot uint64) {
	if v.gone(at, l) {
		return
	}
	f := find{Lease: l, boot: boot, inUse: v.inUse(at)}
	if old, ok := v.finds[l.Addr]; !ok || v.better(f, old) {
		v.finds[l.Addr] = f
	}
}

// better reports whether a is more likely to be the present lease of its address than b.
func (v *salvager) better(a, b find) bool {
	switch owned := v.owned(a.Lease); {
	case !v.current: // The latest is in no place that we know.
	case owned != v.owned(b.Lease):
		return owned
	case a.inUse != b.inUse:
		return a.inUse
	case a.reached != b.reached:
		return a.reached
	}
	return a.Since.After(b.Since)
}

// doubtful reports whether a lease may have been released.
func (v *salvager) doubtful(f find) bool {
	switch {
	case v.owned(f.Lease):
		return false
	case v.owners == nil:
		return !f.reached
	}
	return !f.reached || !v.inRun(f.Addr)
}

func (v *salvager) unreadable(from, to int64, err error) {
	v.lost.add(fmt.Errorf("bytes %d to %d: %w", from, to-1, err))
}

// finish puts together what has been found.
func (v *salvager) finish() {
	addrs, unnamed := v.addrs(), 0
	for _, addr := range addrs {
		f := v.finds[addr]
		f.Boot = v.boots[f.boot]
		if f.boot != 0 && f.Boot == "" {
			unnamed++
		}
		v.Leases = append(v.Leases, f.Lease)
	}
	v.loseLeases(runsOf(addrs))
	if unnamed > 0 {
		v.lost.add(fmt.Errorf("the boots of %d leases", unnamed))
	}
	for _, err := range v.lost.list {
		v.Lost = append(v.Lost, err.Error())
	}
	if v.lost.more > 0 {
		v.Lost = append(v.Lost, fmt.Sprintf("and %d more", v.lost.more))
	}
}

// sure reports whether it is known which leases there are, read or not.
func (v *salvager) sure() bool {
	switch {
	case v.astray, v.runs == nil && v.owners == nil:
		return false
	case !v.faults.none():
		return v.current && v.agreed()
	case !v.current: // What the last transaction has done can stand in pages that are lost as well.
		return v.runs != nil && v.owners != nil
	}
	return true
}

// agreed reports whether both indices say the same, and have what could be reached in the
// tree. An index has no checksum: what has lost something unnoticed can have lost more.
func (v *salvager) agreed() bool {
	unreached := func(a netip.Addr) bool { return !v.finds[a].reached }
	reached := runsOf(slices.DeleteFunc(v.addrs(), unreached))
	return v.owners != nil && len(v.runs) > 0 && slices.Equal(v.runs, v.ownerRuns) &&
		len(without(reached, v.runs)) == 0
}

// loseLeases notes which leases have not been found: exactly, if an index can be
// read, or else where they were. Whatever an index says, an entry that cannot be read is
// that of a lease.
func (v *salvager) loseLeases(found []run) {
	known, ok := v.known()
	broken := runsOf(slices.SortedFunc(slices.Values(v.broken), netip.Addr.Compare))
	known = joined(known, broken)
	v.Unsure = !v.sure()
	if !ok {
		v.lost.join(v.faults)
	}
	for _, r := range without(known, found) {
		v.Missing = append(v.Missing, [2]netip.Addr{r.first, r.last})
		if r.first == r.last {
			v.lost.add(fmt.Errorf("the lease of %s", r.first))
		} else {
			v.lost.add(fmt.Errorf("the leases of %s to %s", r.first, r.last))
		}
	}
}
