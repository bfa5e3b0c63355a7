package backend

import (
	"iter"
	"net/netip"
	"time"
)

// A Cooling is an address that was released a short time ago: it is not leased, and not free
// either, because the network may still take it for the address of its last holder.
type Cooling struct {
	Addr netip.Addr

	// Since is when it was released, in UTC, to the nanosecond.
	Since time.Time
}

// A CoolingReadTx is a [ReadTx] of a store in which addresses can cool. The ReadTx of a View is one
// if the store can, and exists.
//
// Its methods return the errors of a ReadTx. The transaction must not write during an iteration.
type CoolingReadTx interface {
	ReadTx

	// CoolingFrom iterates over the cooling addresses as Leases does over the leases: in
	// ascending order, starting at the given address.
	CoolingFrom(from netip.Addr) iter.Seq2[Cooling, error]

	// LongestCooling iterates over the cooling addresses in the order of Since.
	LongestCooling() iter.Seq2[Cooling, error]

	// LatestCooling is LongestCooling in the opposite order.
	LatestCooling() iter.Seq2[Cooling, error]
}

// A CoolingTx is a [Tx] of a store in which addresses can cool. The Tx of an Update is one if the
// store can. Each method takes time that grows at most with the logarithm of the number of leases
// and cooling addresses, as NextFree does, which passes over cooling addresses. Put leases a cooling
// address as it leases a free one, and then it is not cooling any more.
type CoolingTx interface {
	Tx
	CoolingReadTx

	// Cool makes addr cooling, or gives a cooling address another time. It returns [ErrExists] if
	// addr is leased, [ErrNoSpace] if there is no room on the disk, and [ErrDamaged]. After
	// the last two nothing has changed, and the transaction can go on, as with [HistoryTx.Record].
	Cool(addr netip.Addr, since time.Time) error

	// EndCooling makes addr free. It is not an error if it is not cooling.
	EndCooling(addr netip.Addr) error
}
