package main

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
)

// A mapRange is a range in the JSON output of map. The keys are stable.
type mapRange struct {
	Network string   `json:"network"`
	Subnet  string   `json:"subnet"`
	First   string   `json:"first"`
	Last    string   `json:"last"`
	Runs    []mapRun `json:"runs"` // from First to Last, without gaps
}

// A mapRun is consecutive addresses with the same state: free, leased, cooling, earlier,
// torn, withheld or elsewhere.
type mapRun struct {
	First netip.Addr `json:"first"`
	Last  netip.Addr `json:"last"`
	State string     `json:"state"`
}

// mapRanges returns the ranges of a network with their runs.
func (t *tool) mapRanges(cmd *cobra.Command, n network) ([]mapRange, error) {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	all := []mapRange{}
	err := t.readStore(n).View(ctx, func(tx backend.ReadTx) error {
		for _, r := range n.ranges() {
			runs, err := mapRuns(r, tx)
			if err != nil {
				return err
			}
			all = append(all, mapRange{n.name, r.Subnet().String(), r.First().String(), r.Last().String(), runs})
		}
		return nil
	})
	return all, err
}

// ranges returns the ranges in all sets of the network.
func (n network) ranges() (all []allocator.Range) {
	for _, pool := range n.pools() {
		for _, set := range pool.Sets() {
			all = append(all, set.Ranges()...)
		}
	}
	return all
}

// mapRuns returns the runs of a range. A withheld address is shown as withheld even if it is
// leased, as in a picture.
func mapRuns(r allocator.Range, tx backend.ReadTx) ([]mapRun, error) {
	var taken []mapRun
	for _, hole := range r.Holes() {
		taken = append(taken, mapRun{hole.First, hole.Last, "withheld"})
	}
	present := boot.Current()
	for l, err := range tx.Leases(r.First()) {
		if err != nil {
			return nil, err
		}
		if r.Last().Less(l.Addr) {
			break
		}
		if r.Leasable(l.Addr) {
			taken = append(taken, mapRun{l.Addr, l.Addr, mapState(l, present)})
		}
	}
	err := eachCooling(tx, r, func(addr netip.Addr) {
		if r.Leasable(addr) {
			taken = append(taken, mapRun{addr, addr, "cooling"})
		}
	})
	held, shared, failed := allocator.Held(tx)
	if shared {
		taken = append(taken, notHeld(r, held, taken)...)
	}
	return fillGaps(r, taken), errors.Join(err, failed)
}

// notHeld returns the runs without a lease that other hosts can hold.
func notHeld(r allocator.Range, held []allocator.Span, taken []mapRun) (runs []mapRun) {
	known := slices.Clone(held)
	for _, m := range taken {
		known = append(known, allocator.Span{First: m.First, Last: m.Last})
	}
	for _, s := range (allocator.Span{First: r.First(), Last: r.Last()}).Without(known) {
		runs = append(runs, mapRun{s.First, s.Last, "elsewhere"})
	}
	return runs
}

func mapState(l backend.Lease, present allocator.Boot) string {
	switch {
	case l.Owner.IsZero():
		return "torn"
	case present.SeemsEarlier(l):
		return "earlier"
	}
	return "leased"
}

// fillGaps adds the free runs, sorts all, and merges adjacent runs with the same state.
func fillGaps(r allocator.Range, runs []mapRun) (merged []mapRun) {
	var taken []allocator.Span
	for _, m := range runs {
		taken = append(taken, allocator.Span{First: m.First, Last: m.Last})
	}
	for _, free := range (allocator.Span{First: r.First(), Last: r.Last()}).Without(taken) {
		runs = append(runs, mapRun{free.First, free.Last, "free"})
	}
	slices.SortFunc(runs, func(a, b mapRun) int { return a.First.Compare(b.First) })
	for _, m := range runs {
		if i := len(merged) - 1; i >= 0 && merged[i].State == m.State {
			merged[i].Last = m.Last
		} else {
			merged = append(merged, m)
		}
	}
	return merged
}
