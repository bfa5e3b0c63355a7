package backend

import (
	"context"
	"iter"
	"net/netip"
)

// A Store holds the leases of one network. It is safe for concurrent use, also by several
// processes that open the same path.
type Store interface {
	// View calls fn with a consistent read-only view: no Update takes effect while fn runs.
	// If no store exists yet, the view is empty, and nothing is created. There is one
	// exception: if a migration was killed and its new store waits in the directory
	// .leasehold beside the path, View moves that store to the path first.
	//
	// View returns the error of fn. If ctx ends before the lock is obtained, it returns
	// [ErrBusy] without calling fn.
	View(ctx context.Context, fn func(ReadTx) error) error

	// Update calls fn in a transaction that is serialised with every other Update and View
	// of the same network, in any process.
	//
	// If fn returns nil, all of its writes become durable together before Update returns;
	// if the process is killed meanwhile, all or none of them remain. If fn returns an
	// error, Update returns that error and nothing is written; if fn panics, nothing is
	// written and the panic continues.
	//
	// fn is called at most once, possibly in another goroutine: a store may run several
	// waiting Updates in one transaction, one fn after the other. Everything that fn sees
	// of another Update is durable when its own Update returns nil.
	//
	// If ctx ends before the lock is obtained, Update returns [ErrBusy] without calling fn.
	// Once fn runs, ctx has no effect.
	Update(ctx context.Context, fn func(Tx) error) error

	// Close releases the resources of the store. It does not wait for calls under way,
	// which finish normally. Later calls return [ErrClosed]; a second Close does nothing.
	Close() error
}

// A ReadTx is a consistent view of a store. In an Update it includes the transaction's own
// writes.
//
// Methods return [ErrInvalid] for addresses and names that [ValidateAddr] and [ValidateSet]
// reject, and if they are called after fn has returned.
type ReadTx interface {
	// Lease returns the lease of addr, or [ErrNotFound].
	Lease(addr netip.Addr) (Lease, error)

	// OwnedBy returns the leases that o [Owner.Covers], in ascending order of address. With
	// an empty interface name these are all leases of the container. An owner without
	// leases is not an error. The zero Owner owns nothing, not even leases with a zero
	// Owner.
	OwnedBy(o Owner) ([]Lease, error)

	// Leases iterates over the leases, starting at the given address, in the order of
	// [netip.Addr.Compare]: IPv4 before IPv6. The zero address means the beginning. The
	// iteration ends after an error. The transaction must not write during an iteration.
	Leases(from netip.Addr) iter.Seq2[Lease, error]

	// NextFree returns the lowest address in [from, to] that is neither leased nor cooling (see
	// [CoolingTx]), or
	// [ErrNoneFree]. Both ends are included and must be of one family; if to is before
	// from, no address is free. In a shared store only addresses in open blocks are free.
	NextFree(from, to netip.Addr) (netip.Addr, error)

	// Cursor returns the address that a range set gave last, or [ErrNotFound]. It is a
	// hint: a store may lose it in a crash.
	Cursor(set string) (netip.Addr, error)

	// Cursors returns all cursors by range set.
	Cursors() (map[string]netip.Addr, error)

	// LastSearch returns the last argument of SetLastSearch, or an empty string.
	LastSearch() (string, error)

	// Membership returns the last argument of [SharedTx.SetMembership], or the zero
	// Membership if the store shares nothing.
	Membership() (Membership, error)

	// Blocks iterates over the blocks of a shared store in ascending order, starting with the
	// first that begins at the given address or after it. Otherwise it is like Leases.
	Blocks(from netip.Addr) iter.Seq2[Block, error]
}

// A Tx is a transaction: a ReadTx that can write.
type Tx interface {
	ReadTx

	// Put records a lease. It never overwrites: if the address is leased, to any owner, it
	// returns [ErrExists], so that no bug in a caller can lease an address twice. Nor can one
	// lease what other hosts may hold: in a shared store Put returns [ErrNotHeld] for an
	// address outside the open blocks. If [Lease.Validate] rejects l, it returns [ErrInvalid].
	//
	// Since is recorded in UTC, to the nanosecond if the store can, and otherwise truncated
	// to a coarser unit; callers tell a lease by it from a later one of the same address
	// and owner. A store may be unable to record Boot, Pod and Netns, or a zero Since.
	Put(l Lease) error

	// Delete removes the lease of addr. It is not an error if addr is not leased.
	Delete(addr netip.Addr) error

	// SetCursor records the address that a range set gave last.
	SetCursor(set string, addr netip.Addr) error

	// SetLastSearch records when, and in which boot of the machine, the store was last searched
	// for leases from earlier boots. The store does not interpret the text. It returns
	// [ErrInvalid] for a text that [Lease.Boot] could not hold.
	SetLastSearch(text string) error
}
