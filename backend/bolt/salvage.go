package bolt

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
	"github.com/leasehold/leasehold/backend/bolt/internal/salvage"
)

// A Salvage is what could be read of a corrupt file. All of it can be put into a new store.
type Salvage struct {
	// Leases are ascending by address. The Boot of a lease is empty if its name could not be
	// read.
	Leases []backend.Lease

	// Cursors and LastSearch are as in [backend.ReadTx].
	Cursors    map[string]netip.Addr
	LastSearch string

	// Membership and Blocks are as in [backend.Content]. If the store is shared and its
	// membership cannot be read, Membership only says so, in Stopped.
	Membership backend.Membership
	Blocks     []backend.Block

	// History has the ended leases that could be read, in the order in which they were recorded;
	// Policy is as in [backend.HistoryReadTx].
	History []backend.Ended
	Policy  string

	// Gap is as in [backend.Counts]; HistoryLost reports whether a part of the history could not be read.
	Gap         time.Time
	HistoryLost bool

	// Cooling has the cooling addresses, ascending.
	Cooling []backend.Cooling

	// Doubtful is how many of Leases may have been released already: no index has them, or,
	// without an index, they are on pages outside the tree.
	Doubtful int

	// Missing are the runs of addresses, first and last, that are leased according to an
	// index, and whose leases could not be read.
	Missing [][2]netip.Addr

	// Unsure reports that leases can be missing that Missing does not have. If leases could not
	// be read, Missing is complete only if both indices agree.
	Unsure bool

	// Lost says in words what could not be read.
	Lost []string

	// Read describes the file as it was, locked, before it was read.
	Read fs.FileInfo
}

// Salvage reads what can be read of the file, which may have any content, and calls fn with
// it. The store is locked until fn has returned. If there is no file, Salvage returns
// [fs.ErrNotExist]; if it holds something other than leases, or a later version,
// [backend.ErrFormat]. If ctx ends before the lock is obtained it returns
// [backend.ErrBusy].
//
// Where a page is lost, leases are searched for in the whole file, in which bbolt leaves the
// old pages of a tree for a while. The indices and the freelist, as far as they can be read,
// decide whether a lease found there is current. A lease that nothing contradicts is kept,
// because an address that is taken without need does less harm than one that is leased
// twice.
func (s *Store) Salvage(ctx context.Context, fn func(Salvage) error) error {
	leave, err := s.enter(ctx, true)
	if err != nil {
		return err
	}
	defer leave()
	f, _, err := s.openExclusive(ctx, examine, false)
	if err != nil {
		return err
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	if err != nil {
		return s.wrapPath(err)
	}
	found, err := salvage.Read(f, info.Size())
	if err != nil {
		return s.wrapPath(err)
	}
	return fn(newSalvage(found, info))
}

func newSalvage(r salvage.Result, read fs.FileInfo) Salvage {
	return Salvage{
		Leases: r.Leases, Cursors: r.Cursors, LastSearch: r.LastSearch, Membership: r.Membership, Blocks: r.Blocks,
		History: r.History, Policy: r.Policy, Gap: r.Gap, HistoryLost: r.HistoryLost, Cooling: r.Cooling,
		Doubtful: r.Doubtful, Missing: r.Missing, Unsure: r.Unsure, Lost: r.Lost, Read: read,
	}
}

// IsStray reports whether the file at path never was a store: it has content, but no page of
// bbolt. A file that is empty or all zeros can be what a power cut has left of a store. So
// can one that cannot be read.
func IsStray(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular() && page.HasOther(f)
}
