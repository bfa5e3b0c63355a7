package parts

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func worst() Part {
	return Part{
		Name: "worst",
		Text: `Whole processes on pools in which a free address is hard to find. "without-gaps" is not one of
them: half of the pool is leased, in one piece, for comparison. In "every-second" the same
number of leases takes every second address. "far-end" has one free address, and the search
begins right behind it. "exhausted" has none, and the ADD fails. "scattered-in-8" is a /8
with a lease at every 16th address.`,
		Pairs: []report.Pair{
			{Of: peers.Stock, To: peers.Bolt}, {Of: peers.Stock, To: peers.Files}, {Of: peers.Bolt, To: peers.EmptyGo},
		},
		Run: func(ctx context.Context, e *Env) error { return newWorstPlan(e).run(ctx, e) },
	}
}

// A scene is a pool and how its addresses are leased.
type scene struct {
	name   string
	subnet string
	held   int // containers
	stride int // only the last of so many addresses is leased
	turn   func(*peers.Peer, keep) error
	large  bool // too large for a store with a file for each lease
}

type worstPlan struct {
	subnet  string // nearly all of its addresses get leased
	v6      int    // leases in a /64
	large   int    // leases in a /8
	rounds  int
	warmUps int
}

func newWorstPlan(e *Env) worstPlan {
	return worstPlan{
		subnet:  pick(e, "10.0.0.0/16", "10.0.0.0/21"),
		v6:      pick(e, 10_000, 1_000),
		large:   pick(e, 1_000_000, 10_000),
		rounds:  e.times(20, 4),
		warmUps: pick(e, 3, 1),
	}
}

func (p worstPlan) scenes() []scene {
	all := int(peers.NewPool(netip.MustParsePrefix(p.subnet)).Size())
	return []scene{
		{name: "without-gaps", subnet: p.subnet, held: all / 2, stride: 1, turn: addAndDelete},
		{name: "every-second", subnet: p.subnet, held: all / 2, stride: 2, turn: addAndDelete},
		{name: "far-end", subnet: p.subnet, held: all - 1, stride: 1, turn: addLast},
		{name: "exhausted", subnet: p.subnet, held: all, stride: 1, turn: addFull},
		{name: "ipv6-64", subnet: "fd00:10::/64", held: p.v6, stride: 1, turn: addAndDelete},
		{name: "scattered-in-8", subnet: "10.0.0.0/8", held: p.large, stride: 16, turn: addAndDelete, large: true},
	}
}

// addAndDelete leases the address after the one leased last, and releases the oldest.
func addAndDelete(p *peers.Peer, keep keep) error {
	if err := keep.time("ADD-ns", p.Add); err != nil {
		return err
	}
	return keep.time("DEL-ns", p.DeleteOldest)
}

// addLast leases the only free address. It was leased last too, so the search passes by all
// others. Its release is not kept: it was leased just before.
func addLast(p *peers.Peer, keep keep) error {
	if err := keep.time("ADD-ns", p.Add); err != nil {
		return err
	}
	_, err := p.DeleteNewest()
	return err
}

func addFull(p *peers.Peer, keep keep) error { return keep.time("ADD-ns", p.AddFull) }

func (p worstPlan) run(ctx context.Context, e *Env) error {
	for _, place := range e.Places {
		for _, s := range p.scenes() {
			if err := e.scratch(place, func(dir string) error {
				return p.play(ctx, e, s, place.Name, dir)
			}); err != nil {
				return fmt.Errorf("%s, %s: %w", place.Name, s.name, err)
			}
		}
	}
	return nil
}

func (p worstPlan) play(ctx context.Context, e *Env, s scene, fs, dir string) error {
	names := []string{peers.Stock, peers.Files, peers.Bolt, peers.EmptyGo}
	if s.large {
		names = names[2:]
	}
	l := peers.NewLineup(e.Programs, dir, []netip.Prefix{netip.MustParsePrefix(s.subnet)}, names...)
	k := samples.Key{FS: fs, Case: s.name, Leases: s.held}
	e.log(k, "filling")
	if err := l.Fill(func(one *peers.Peer) error { return one.Store.GrowSparse(ctx, s.held, s.stride) }); err != nil {
		return err
	}
	return e.play(ctx, l, k, p.warmUps, p.rounds, s.turn)
}
