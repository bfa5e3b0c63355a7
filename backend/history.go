package backend

import (
	"fmt"
	"iter"
	"net/netip"
	"time"
)

// An Ended is a lease that has ended. A store keeps its Addr, Owner, Pod and Since, the times in
// whole seconds; Boot and Netns are empty.
type Ended struct {
	Lease

	// Until is when the lease ended, in UTC; zero if unknown.
	Until time.Time

	Cause Cause
}

// Forgotten reports whether only the address was kept: see [HistoryTx.Forget].
func (e Ended) Forgotten() bool { return e.Owner.IsZero() }

// PodAddrs is the most addresses of a pod that [HistoryReadTx.HistoryOfPod] finds: two for each of
// four interfaces.
const PodAddrs = 8

// IndexedBefore is the most ended leases that [HistoryTx.IndexPods] reads, so that no transaction
// takes long.
const IndexedBefore = 10_000

// A Cause is what ended a lease.
type Cause uint8

// The causes. Stores keep the numbers, so they do not change.
const (
	UnknownCause Cause = iota
	EndedByDEL
	EndedByGC
	EndedByBoot    // the first ADDs after a reboot
	EndedByRelease // an operator

	causes // the number of causes
)

// Causes returns all causes.
func Causes() []Cause {
	return []Cause{UnknownCause, EndedByDEL, EndedByGC, EndedByBoot, EndedByRelease}
}

// String returns the name of the cause: DEL, GC, boot, release or unknown.
func (c Cause) String() string {
	switch c {
	case EndedByDEL:
		return "DEL"
	case EndedByGC:
		return "GC"
	case EndedByBoot:
		return "boot"
	case EndedByRelease:
		return "release"
	}
	return "unknown"
}

// A HistoryReadTx is a [ReadTx] of a store that can keep a history: the leases that have ended.
// The ReadTx of a View is one if the store can, and exists.
//
// Its methods return the errors of a ReadTx.
type HistoryReadTx interface {
	ReadTx

	// History iterates over the ended leases in the order in which they were recorded. The
	// iteration ends after an error. The transaction must not write during an iteration.
	History() iter.Seq2[Ended, error]

	// HistoryBackward is History in the opposite order.
	HistoryBackward() iter.Seq2[Ended, error]

	// HistoryOf is HistoryBackward of one address. It takes time for the ended leases of this
	// address only.
	HistoryOf(addr netip.Addr) iter.Seq2[Ended, error]

	// HistoryOfPod iterates over the last ended lease of each address that a pod has had, backwards, for
	// at most [PodAddrs] addresses. It takes time for these only. Without [HistoryTx.IndexPods] it
	// finds none; pods whose names have the same hash can crowd each other out.
	HistoryOfPod(pod Pod) iter.Seq2[Ended, error]

	// HistoryLen returns the number of ended leases.
	HistoryLen() (int, error)

	// Counts returns the sum of what was given to Count since the store was made.
	Counts() (Counts, error)

	// Policy returns the last argument of SetPolicy, or an empty string.
	Policy() (string, error)
}

// A HistoryTx is a [Tx] of a store that can keep a history. The Tx of an Update is one if the
// store can.
type HistoryTx interface {
	Tx
	HistoryReadTx

	// Record adds an ended lease. Its address may be leased or not. It returns [ErrInvalid] if
	// [Ended.Validate] rejects it, [ErrNoSpace] if there is no room on the disk, and
	// [ErrDamaged]: unless all of the store is damaged, the transaction can go on without the
	// ended lease. After ErrDamaged it leaves out all that it has changed in the history, and what
	// it made cool.
	Record(e Ended) error

	// DropOldest removes the n ended leases that were recorded first, or all if there are fewer. It
	// returns the errors of Record.
	DropOldest(n int) error

	// Forget removes everything but the address from each ended lease for which match is true,
	// and returns how many these were. It reads the whole history. match is not called for one
	// that was forgotten before.
	Forget(match func(Ended) bool) (int, error)

	// Count adds to the Counts. It needs no disk space beside what any change needs.
	Count(more Counts) error

	// IndexPods makes HistoryOfPod find what is recorded from now on, as long as the store exists,
	// and of what has been recorded the last [IndexedBefore]. It can be repeated, which costs
	// nothing. It returns [ErrNoSpace] if there is no room on the disk: then nothing has
	// changed, and the transaction can go on. A store that is made of another's [Content] has
	// no such index yet.
	IndexPods() error

	// SetPolicy records which ended leases its user wants to keep. The store does not interpret
	// the text. It returns [ErrInvalid] for a text that [Lease.Boot] could not hold.
	SetPolicy(text string) error
}

// Validate returns an error if a store that keeps a history cannot record e.
func (e Ended) Validate() error {
	if e.Cause >= causes {
		return fmt.Errorf("%s: unknown cause %d", e.Addr, e.Cause)
	}
	return e.Lease.Validate()
}
