package backend

import (
	"context"
	"iter"
	"net/netip"
)

// A Store holds the leases of one network. It is safe for use by many
// goroutines, and by many processes that open the same path.
type Store interface {
	// View calls fn with a consistent read-only view: no Update takes effect
	// while fn runs. Where nothing has been stored yet, the view is empty,
	// and nothing is created.
	//
	// View returns what fn returned. If ctx ends before the lock is
	// obtained it returns [ErrBusy] and fn is not called.
	View(ctx context.Context, fn func(ReadTx) error) error

	// Update calls fn in a transaction that is serialised against every
	// other Update and View of the same network, by any process.
	//
	// If fn returns nil all that it wrote becomes durable together before
	// Update returns; if the process is killed meanwhile, all or none of it
	// is there afterwards. If fn returns an error, Update returns that error
	// and nothing was written; if fn panics, nothing was written and the
	// panic goes on.
	//
	// fn is called once at most, and may be called in a goroutine other than
	// the caller's: a store may have Updates that wait share a transaction,
	// one fn after the other. What fn sees of another Update is durable
	// when its own returns nil.
	//
	// If ctx ends before the lock is obtained Update returns [ErrBusy] and
	// fn is not called; once fn runs, ctx has no effect.
	Update(ctx context.Context, fn func(Tx) error) error

	// Close releases what the store holds. Calls under way finish as if
	// there had been no Close, and Close does not wait for them. Calls after
	// Close return [ErrClosed]; a second Close does nothing.
	Close() error
}

// A ReadTx is a consistent view of a store. Within an Update it includes what
// the transaction itself has written.
//
// Addresses and names that [ValidAddr] and [ValidSet] refuse give [ErrInvalid],
// as does a method called after fn has returned.
type ReadTx interface {
	// Lease returns the lease of addr, or [ErrNotFound].
	Lease(addr netip.Addr) (Lease, error)

	// OwnedBy returns the leases that o [Owner.Covers], in ascending order
	// of address. With an empty interface name these are all leases of the
	// container. That there are none is no error. Leases with a zero Owner
	// belong to nobody; for the zero Owner there are none.
	OwnedBy(o Owner) ([]Lease, error)

	// Leases iterates over the leases from the given address on, in
	// ascending order as [netip.Addr.Compare] defines it: IPv4 before IPv6.
	// The zero address stands for the beginning. An error ends the
	// iteration. The transaction must not write while an iteration is under
	// way.
	Leases(from netip.Addr) iter.Seq2[Lease, error]

	// NextFree returns the lowest address in [from, to] that is not leased,
	// or [ErrNoneFree]. Both ends are included and of one family; a range
	// that ends before it begins has no free address.
	NextFree(from, to netip.Addr) (netip.Addr, error)

	// Cursor returns the address that was last handed out for a range set,
	// or [ErrNotFound]. It is a hint: a store may lose it in a crash.
	Cursor(set string) (netip.Addr, error)

	// Cursors returns all cursors by range set.
	Cursors() (map[string]netip.Addr, error)

	// Boot returns what was last given to SetBoot, or an empty string.
	Boot() (string, error)
}

// A Tx is a transaction: a ReadTx that can write.
type Tx interface {
	ReadTx

	// Put records a lease. It only creates: if the address is leased, to
	// anyone, it returns [ErrExists], so that no fault in a caller can lease
	// an address twice. A lease that [Lease.Validate] refuses gives
	// [ErrInvalid].
	//
	// Since is kept in UTC, to the nanosecond where the store can, or else cut
	// off to a coarser unit: by it a lease is told from a later one of the same
	// address and owner. A store may be unable to keep Boot, Pod and Netns, and
	// that Since is not known.
	Put(l Lease) error

	// Delete removes the lease of addr. That there is none is no error.
	Delete(addr netip.Addr) error

	// SetCursor records the address last handed out for a range set.
	SetCursor(set string, addr netip.Addr) error

	// SetBoot records in which boot of the machine, and when, the store was
	// last searched for leases of earlier boots, as a text that the store does
	// not interpret. One that [Lease.Boot] could not hold gives [ErrInvalid].
	SetBoot(text string) error
}
