package main

import (
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
)

// A mapped is a range as map shows it in JSON. The keys are stable.
type mapped struct {
	Network string `json:"network"`
	Subnet  string `json:"subnet"`
	First   string `json:"first"`
	Last    string `json:"last"`
	Runs    []run  `json:"runs"` // from First to Last, without a gap
}

// A run is consecutive addresses of one state: free, leased, earlier, torn or withheld.
type run struct {
	First netip.Addr `json:"first"`
	Last  netip.Addr `json:"last"`
	State string     `json:"state"`
}

// mapped returns the ranges of a network.
func (t *tool) mapped(cmd *cobra.Command, n network) ([]mapped, error) {
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	all := []mapped{}
	err := t.store(n).View(ctx, func(tx backend.ReadTx) error {
		for _, r := range n.ranges() {
			runs, err := runsOf(r, tx)
			if err != nil {
				return err
			}
			all = append(all, mapped{n.name, r.Subnet().String(), r.First().String(), r.Last().String(), runs})
		}
		return nil
	})
	return all, err
}

// ranges returns those of all sets.
func (n network) ranges() (all []allocator.Range) {
	for _, pool := range n.pools() {
		for _, set := range pool.Sets() {
			all = append(all, set.Ranges()...)
		}
	}
	return all
}

// runsOf returns the runs of a range. What is withheld is so though it be leased, as in a
// picture.
func runsOf(r allocator.Range, tx backend.ReadTx) ([]run, error) {
	var taken []run
	for _, hole := range r.Holes() {
		taken = append(taken, run{hole.First, hole.Last, "withheld"})
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
			taken = append(taken, run{l.Addr, l.Addr, stateOf(l, present)})
		}
	}
	slices.SortFunc(taken, func(a, b run) int { return a.First.Compare(b.First) })
	return gapless(r, taken), nil
}

func stateOf(l backend.Lease, present allocator.Boot) string {
	switch {
	case l.Owner.IsZero():
		return "torn"
	case present.StartedAfter(l):
		return "earlier"
	}
	return "leased"
}

// gapless puts what is free between the runs that are not, and joins neighbours that are
// alike.
func gapless(r allocator.Range, taken []run) (runs []run) {
	add := func(n run) {
		if i := len(runs) - 1; i >= 0 && runs[i].State == n.State {
			runs[i].Last = n.Last
		} else {
			runs = append(runs, n)
		}
	}
	next := r.First()
	for _, n := range taken {
		if next.Less(n.First) {
			add(run{next, n.First.Prev(), "free"})
		}
		add(n)
		next = n.Last.Next()
	}
	if next.IsValid() && next.Compare(r.Last()) <= 0 {
		add(run{next, r.Last(), "free"})
	}
	return runs
}
