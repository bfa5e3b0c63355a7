// Package worst measures pools in which leases lie as badly as they can for whoever
// looks for a free address, and such as are larger than anybody wants to walk through.
package worst

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/pool"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// A scene is a pool and how its addresses are leased.
type scene struct {
	name   string
	subnet string
	held   int // containers
	stride int // of as many successive addresses one is leased
	turn   func(*contest.Contestant, func(command string, took time.Duration)) error
	large  bool // too large for a store with a file for each lease
}

// A plan is how much is measured.
type plan struct {
	subnet  string // of which nearly all addresses get leased
	v6      int    // leases in a /64
	large   int    // leases in a /8
	rounds  int
	warmUps int // rounds before these, which are not counted
}

func newPlan(e part.Env) plan {
	return plan{
		subnet:  part.Pick(e, "10.0.0.0/16", "10.0.0.0/21"),
		v6:      part.Pick(e, 10_000, 1_000),
		large:   part.Pick(e, 1_000_000, 10_000),
		rounds:  e.Times(20, 4),
		warmUps: part.Pick(e, 3, 1),
	}
}

// scenes returns all scenes. The first is no bad one, but what the others are to be
// compared with.
func (p plan) scenes() []scene {
	all := int(pool.New(netip.MustParsePrefix(p.subnet)).Size())
	return []scene{
		{name: "without gaps", subnet: p.subnet, held: all / 2, stride: 1, turn: inAndOut},
		{name: "every second", subnet: p.subnet, held: all / 2, stride: 2, turn: inAndOut},
		{name: "far end", subnet: p.subnet, held: all - 1, stride: 1, turn: lastOne},
		{name: "exhausted", subnet: p.subnet, held: all, stride: 1, turn: inVain},
		{name: "IPv6 /64", subnet: "fd00:10::/64", held: p.v6, stride: 1, turn: inAndOut},
		{name: "/8, scattered", subnet: "10.0.0.0/8", held: p.large, stride: 16, turn: inAndOut, large: true},
	}
}

// inAndOut leases the address after the one that was leased last, and releases that
// which has been leased for the longest time.
func inAndOut(c *contest.Contestant, keep func(string, time.Duration)) error {
	took, err := c.Add()
	if err != nil {
		return err
	}
	keep("ADD", took)
	took, err = c.DeleteOldest()
	if err == nil {
		keep("DEL", took)
	}
	return err
}

// lastOne leases the one free address. The search begins after the last address, and
// so has to pass by all others, because that is where the address is that was leased
// last. How long its release takes is not kept: it was leased just before.
func lastOne(c *contest.Contestant, keep func(string, time.Duration)) error {
	took, err := c.Add()
	if err != nil {
		return err
	}
	keep("ADD", took)
	_, err = c.DeleteNewest()
	return err
}

// inVain asks for an address that there is none of.
func inVain(c *contest.Contestant, keep func(string, time.Duration)) error {
	took, err := c.AddInVain()
	if err == nil {
		keep("ADD", took)
	}
	return err
}

func run(ctx context.Context, e part.Env, r *result.Results) error {
	return newPlan(e).run(ctx, e, r)
}

func (p plan) run(ctx context.Context, e part.Env, r *result.Results) error {
	for _, place := range e.Places {
		for _, s := range p.scenes() {
			m := match{e, p, r, place.Name, s}
			if err := e.Scratch(place, func(dir string) error { return m.play(ctx, dir) }); err != nil {
				return fmt.Errorf("%s, %s: %w", place.Name, s.name, err)
			}
		}
	}
	return nil
}

// A match is the comparison in one scene.
type match struct {
	part.Env
	plan
	results *result.Results
	place   string
	scene   scene
}

func (m match) play(ctx context.Context, dir string) error {
	names := []string{contest.Stock, contest.Files, contest.Bolt, contest.EmptyGo}
	if m.scene.large {
		names = names[2:]
	}
	l := contest.New(m.Programs, dir, []netip.Prefix{netip.MustParsePrefix(m.scene.subnet)}, names...)
	if err := l.Prepare(func(c *contest.Contestant) error {
		m.say("filling the store of " + c.Name)
		return c.Store.GrowSparse(ctx, m.scene.held, m.scene.stride)
	}); err != nil {
		return err
	}
	for round := range m.warmUps + m.rounds {
		m.say(part.Round(round, m.warmUps, m.rounds))
		if err := l.Round(ctx, round, func(c *contest.Contestant) error {
			return m.scene.turn(c, func(command string, took time.Duration) {
				if round >= m.warmUps {
					m.record(c, command, took)
				}
			})
		}); err != nil {
			return err
		}
	}
	return l.Verify(ctx)
}

func (m match) record(c *contest.Contestant, command string, took time.Duration) {
	m.results.Add(result.Key{
		FileSystem: m.place, Case: m.scene.name, Leases: m.scene.held, Contestant: c.Name, Measure: command,
	}, result.Nanoseconds, float64(took))
}

func (m match) say(what string) { m.Show.Printf("worst: %s, %s: %s", m.place, m.scene.name, what) }
