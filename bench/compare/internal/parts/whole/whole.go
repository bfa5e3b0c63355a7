// Package whole measures whole processes, which is what a container runtime waits for:
// an ADD of a new container, a CHECK of it, and a DEL of the container that has been
// there for the longest time, at many fills.
package whole

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// A stack is what families the containers have addresses of.
type stack struct {
	name    string
	subnets []netip.Prefix
}

func stacks() []stack {
	v4, v6 := netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00:10::/64")
	return []stack{{single, []netip.Prefix{v4}}, {dual, []netip.Prefix{v4, v6}}}
}

const (
	single = "single stack"
	dual   = "dual stack"
)

// mostForStock is the largest fill at which stock is measured: above it, its commands
// take longer than anybody waits.
const mostForStock = 65_000

// A plan is how much is measured.
type plan struct {
	fills   []int // ascending: stores only grow
	rounds  int   // at each fill; above mostForStock a quarter of them
	warmUps int   // rounds before these, which are not counted
}

// newPlan returns the plan that is asked for. The first run of a program reads it from
// the disk, and the first few of a plugin the store: so there are warm-ups.
func newPlan(e part.Env) plan {
	return plan{
		fills: part.Pick(e,
			[]int{0, 110, 1_000, 10_000, 20_000, 65_000, 1_000_000},
			[]int{0, 1_000, 10_000}),
		rounds:  e.Times(40, 5),
		warmUps: part.Pick(e, 3, 1),
	}
}

func (p plan) roundsAt(fill int) int {
	if fill > mostForStock {
		return max(p.rounds/4, 1)
	}
	return p.rounds
}

func run(ctx context.Context, e part.Env, r *result.Results) error {
	return newPlan(e).run(ctx, e, r)
}

func (p plan) run(ctx context.Context, e part.Env, r *result.Results) error {
	for _, place := range e.Places {
		for _, s := range stacks() {
			if err := e.Scratch(place, func(dir string) error {
				return p.match(ctx, e, r, place.Name, s, dir)
			}); err != nil {
				return fmt.Errorf("%s, %s, %w", place.Name, s.name, err)
			}
		}
	}
	return nil
}

// match compares all at all fills. Stores only grow.
func (p plan) match(ctx context.Context, e part.Env, r *result.Results, place string, s stack, dir string) error {
	m := match{Env: e, plan: p, results: r, place: place, stack: s}
	all := contest.New(e.Programs, dir, s.subnets,
		contest.Stock, contest.Files, contest.Bolt, contest.BoltEmpty, contest.EmptyGo, contest.EmptyC)
	for _, fill := range p.fills {
		if err := m.play(ctx, at(all, fill), fill); err != nil {
			return fmt.Errorf("at %d leases: %w", fill, err)
		}
	}
	return nil
}

// A match is the comparison of one stack on one file system.
type match struct {
	part.Env
	plan
	results *result.Results
	place   string
	stack   stack
}

// play measures at one fill.
func (m match) play(ctx context.Context, l contest.Lineup, fill int) error {
	if err := l.Prepare(func(c *contest.Contestant) error {
		if c.Name == contest.BoltEmpty {
			return nil
		}
		m.say(fill, "filling the store of "+c.Name)
		return c.Store.Grow(ctx, fill/len(m.stack.subnets))
	}); err != nil {
		return err
	}
	rounds := m.roundsAt(fill)
	for round := range m.warmUps + rounds {
		m.say(fill, part.Round(round, m.warmUps, rounds))
		if err := l.Round(ctx, round, func(c *contest.Contestant) error {
			return m.turn(c, fill, round >= m.warmUps)
		}); err != nil {
			return err
		}
	}
	m.say(fill, "verifying")
	return l.Verify(ctx)
}

// turn runs each command once. What is deleted has been there since the fill, unless
// nothing else is held.
func (m match) turn(c *contest.Contestant, fill int, counts bool) error {
	for _, command := range []struct {
		name string
		run  func() (time.Duration, error)
	}{{"ADD", c.Add}, {"CHECK", c.Check}, {"DEL", c.DeleteOldest}} {
		took, err := command.run()
		if err != nil {
			return err
		}
		if counts {
			m.results.Add(result.Key{
				FileSystem: m.place, Case: m.stack.name, Leases: fill, Contestant: c.Name, Measure: command.name,
			}, result.Nanoseconds, float64(took))
		}
	}
	return nil
}

func (m match) say(fill int, what string) {
	m.Show.Printf("whole: %s, %s, %d leases: %s", m.place, m.stack.name, fill, what)
}

// at returns those who take part at a fill.
func at(l contest.Lineup, fill int) contest.Lineup {
	return l.Only(func(c *contest.Contestant) bool {
		tooMany := fill > mostForStock && c.Name == contest.Stock
		twice := fill == 0 && c.Name == contest.BoltEmpty // bolt itself is empty then
		return !tooMany && !twice
	})
}
