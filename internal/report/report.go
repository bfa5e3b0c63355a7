// Package report reads what a page or a screen shows of the networks of a host: how full they
// are and were, who holds and held which address, and what is odd.
//
// [Read] reads one network into values that need no store any more. A [Report] has them all. What
// is read is bounded, so that neither the lock of a network is held for long nor a page becomes
// large: see [MaxLeases] and [MaxEnded]. The counts, the pictures and the [Fill] have all leases all
// the same.
//
// How it looks is the business of the packages below this one, and of internal/top.
package report

import (
	"slices"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/picture"
)

const (
	// MaxLeases is the most leases that a Network lists. If there are more it lists none, because
	// an address that is missing from a list is taken for free.
	MaxLeases = 20_000

	// MaxEnded is the most ended leases that a Network lists: the latest. They are read in one
	// transaction, for which an ADD waits.
	MaxEnded = 20_000
)

// A Report is what is known of a host.
type Report struct {
	Host     string
	At       time.Time // when it was made
	Networks []Network

	Findings []Finding
	Checked  time.Time // when the findings were made; zero if nothing was checked

	// Warnings say what the report lacks, in sentences without a full stop.
	Warnings []string
}

// A Finding is what verify has found.
type Finding struct {
	Network, Text string
	Note          bool // it is not a problem
}

// A Command is something to run in a shell, and what for.
type Command struct{ Line, Why string }

// A Network is what is known of one network.
type Network struct {
	Name  string
	Path  string // of the store
	Store string // files, bolt or none

	// Failure says why the store could not be read; then most of the rest is empty.
	Failure string

	// Shared says with which hosts the network shares its addresses; empty if with none.
	Shared string

	Usage     []allocator.Usage    // of each range set
	Forecasts []allocator.Forecast // likewise; nil if there are more than MaxLeases leases
	Withheld  []time.Time          // likewise, when reuseAfterStrict lets the next address be leased; zero if one can be now
	Fills     []Fill               // likewise; the zero Fill if not known
	Pictures  []*picture.Picture   // of each range

	Boot    allocator.Boot  // the present one
	Leases  []backend.Lease // ascending; nil if there are more than MaxLeases
	Total   int             // leases, in the ranges or not
	Torn    int
	Earlier int             // dated before this boot, which they do not name
	Outside int             // in no range, although ranges are known
	Newest  []backend.Lease // the leases made last, newest first, at most Recent

	Ended     []backend.Ended // latest first, at most MaxEnded
	EndedAll  int             // how many the store keeps
	Reach     allocator.Reach // of the history of all addresses
	NoHistory string          // why there are no ended leases; empty if there could be some

	Cooling []Cooling // in the order in which they were released, at most Recent
	Cools   int       // how many addresses are cooling

	Commands []Command
}

// Notice says what there is to say of the range set with that index: that no address can be leased for a
// while, or when it will be full; empty if nothing.
func (n Network) Notice(set int) string {
	switch {
	case set < len(n.Withheld) && !n.Withheld[set].IsZero():
		return "no address can be leased before " + n.Withheld[set].UTC().Format(time.RFC3339) + ": reuseAfterStrict withholds what is cooling"
	case set < len(n.Forecasts):
		return n.Forecasts[set].String()
	}
	return ""
}

// A Cooling is an address that was released a short time ago.
type Cooling struct {
	backend.Cooling
	Until time.Time // when it need not be passed over any more; zero if not known
}

// Recent is how many leases, ended or new, are worth a list of what happened last.
const Recent = 12

// Reaches returns the time from which on no lease is missing that has ended, in the list of ended leases
// or in the store.
func (n Network) Reaches() time.Time {
	from := n.Reach.From
	if len(n.Ended) < MaxEnded {
		return from
	}
	for _, e := range slices.Backward(n.Ended) {
		if e.Until.IsZero() {
			continue
		}
		if e.Until.After(from) {
			from = e.Until
		}
		break
	}
	return from
}
