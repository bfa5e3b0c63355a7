package parts

import (
	"context"
	"net/netip"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
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
		Run: func(ctx context.Context, e *Env) error {
			return e.play(ctx, worstScenes(e, pick(e, "10.0.0.0/16", "10.0.0.0/21"), pick(e, 1_000_000, 10_000))...)
		},
	}
}

// worstScenes are pools in small, a subnet, and one of many leases in a large one.
func worstScenes(e *Env, small string, many int) []scene {
	size := 1<<(32-netip.MustParsePrefix(small).Bits()) - 3 // without the subnet's own, the gateway's and the broadcast address
	of := func(name, subnet string, leases, stride int, turn func(context.Context, *turn) error) scene {
		return scene{
			name: name, subnets: subnets(subnet), leases: []int{leases}, stride: stride, turn: turn,
			peers:  []string{peers.Stock, peers.Files, peers.Bolt, peers.EmptyGo},
			rounds: e.times(20, 4), warmUps: pick(e, 3, 1),
		}
	}
	large := of("scattered-in-8", "10.0.0.0/8", many, 16, addAndDelete)
	large.peers = large.peers[2:] // too large for a store with a file for each lease
	return []scene{
		of("without-gaps", small, size/2, 1, addAndDelete),
		of("every-second", small, size/2, 2, addAndDelete),
		of("far-end", small, size-1, 1, addLast),
		of("exhausted", small, size, 1, addFull),
		of("ipv6-64", "fd00:10::/64", min(many, 10_000), 1, addAndDelete),
		large,
	}
}

// addLast leases the only free address. It was leased last too, so the search passes by all
// others. Its release is not kept: it was leased just before.
func addLast(_ context.Context, t *turn) error {
	if err := t.run("ADD", t.Add); err != nil {
		return err
	}
	_, err := t.Delete(t.Store.Remove(t.Store.Len() - 1))
	return err
}

func addFull(_ context.Context, t *turn) error { return t.run("ADD", t.AddFull) }
