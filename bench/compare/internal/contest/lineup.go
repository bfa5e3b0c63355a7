package contest

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"

	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

// A Lineup is contestants in the order in which they are shown.
type Lineup []*Contestant

// New returns contestants of the given names, each with an empty store of the subnets,
// in directories whose names are of one length, below dir. Programs that there are
// none of are left out.
func New(set program.Set, dir string, subnets []netip.Prefix, names ...string) Lineup {
	var l Lineup
	for i, name := range names {
		c := &Contestant{Name: name}
		kind := store.Files
		switch name {
		case Stock:
			c.Program = set.Stock
		case Files:
			c.Program = set.Leasehold
		case Bolt, BoltEmpty:
			c.Program, kind = set.Leasehold, store.Bolt
		case Polling:
			c.Program, kind = set.Polling, store.Bolt
		case EmptyGo:
			c.Program, kind = set.EmptyGo, ""
		case EmptyC:
			c.Program, kind = set.EmptyC, ""
		}
		if kind != "" {
			c.Store = store.New(kind, filepath.Join(dir, fmt.Sprintf("%02d", i)), subnets...)
		}
		if c.Program.Path != "" {
			l = append(l, c)
		}
	}
	return l
}

// Only returns the contestants that keep returns true for.
func (l Lineup) Only(keep func(*Contestant) bool) Lineup {
	var some Lineup
	for _, c := range l {
		if keep(c) {
			some = append(some, c)
		}
	}
	return some
}

// Stored returns the contestants that have a store.
func (l Lineup) Stored() Lineup {
	return l.Only(func(c *Contestant) bool { return c.Store != nil })
}

// Prepare calls fill for every contestant that has a store, and cleans up what filling
// leaves in memory, so that this does not happen in the midst of measuring.
func (l Lineup) Prepare(fill func(*Contestant) error) error {
	for _, c := range l.Stored() {
		if err := fill(c); err != nil {
			return c.explain("filling the store", err)
		}
	}
	runtime.GC()
	return nil
}

// Verify returns an error unless every store holds what it ought to.
func (l Lineup) Verify(ctx context.Context) error {
	for _, c := range l.Stored() {
		if err := c.Store.Verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Round gives every contestant its turn.
func (l Lineup) Round(ctx context.Context, round int, turn func(*Contestant) error) error {
	return Turns(ctx, round, len(l), func(i int) error { return turn(l[i]) })
}

// Turns gives each of n contestants, whatever they are, its turn in a round. Before
// each, what others have left to write is written, so that nobody waits for it.
func Turns(ctx context.Context, round, n int, turn func(i int) error) error {
	for _, i := range order(n, round) {
		if err := ctx.Err(); err != nil {
			return err
		}
		syncAll()
		if err := turn(i); err != nil {
			return err
		}
	}
	return nil
}

// order returns the order of n turns in a round. Two rounds each begin with the
// same contestant, the second of them backwards: so everybody's places come out
// even, and nobody always follows the same other, whose traces are in the caches of
// the machine.
func order(n, round int) []int {
	turns := make([]int, n)
	for i := range turns {
		step := i
		if round%2 == 1 {
			step = n - i
		}
		turns[i] = (round/2 + step) % n
	}
	return turns
}
