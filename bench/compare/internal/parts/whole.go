package parts

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/plot"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func whole() Part {
	return Part{
		Name: "whole",
		Text: `Whole processes, at many fills. In each round every peer runs an ADD of a new container, a
CHECK of it, and a DEL of the container with the oldest lease; without leases, that is the
new one. A container has one address, or with dual stack two; the fill counts leases.
"bolt-at-0" is the bolt store without leases whatever the others hold.`,
		Pairs: []report.Pair{
			{Of: peers.Stock, To: peers.Bolt}, {Of: peers.Stock, To: peers.Files}, {Of: peers.Bolt, To: peers.BoltEmpty},
			{Of: peers.Bolt, To: peers.EmptyGo}, {Of: peers.Files, To: peers.EmptyGo},
		},
		Run:    func(ctx context.Context, e *Env) error { return newWholePlan(e).run(ctx, e) },
		figure: wholeFigure,
	}
}

func wholeFigure(fs string) (string, plot.Figure) {
	f := plot.Figure{Title: fmt.Sprintf("Whole processes, %s, single stack", fs)}
	for _, command := range []string{"ADD", "CHECK", "DEL"} {
		f.Panels = append(f.Panels, plot.Panel{
			Title: command, X: "leases held", Y: "ms", Unit: command + "-ns",
			Keep: func(k samples.Key) bool { return k.FS == fs && k.Case == "single-stack" },
			Tick: func(k samples.Key) int { return k.Leases },
		})
	}
	return fmt.Sprintf("whole-%s-single-stack", fs), f
}

// maxStock is the largest fill at which stock is measured: above it, a command takes
// seconds.
const maxStock = 65_000

type wholePlan struct {
	fills   []int // ascending: stores only grow
	rounds  int   // at each fill; above maxStock a quarter of them
	warmUps int
}

// newWholePlan returns the plan. The first run of a program reads it from the disk, and the
// first few of a plugin the store: so there are warm-ups.
func newWholePlan(e *Env) wholePlan {
	return wholePlan{
		fills:   pick(e, []int{0, 110, 1_000, 10_000, 20_000, 65_000, 1_000_000}, []int{0, 1_000, 10_000}),
		rounds:  e.times(40, 5),
		warmUps: pick(e, 3, 1),
	}
}

func (p wholePlan) roundsAt(fill int) int {
	if fill > maxStock {
		return max(p.rounds/4, 1)
	}
	return p.rounds
}

func (p wholePlan) run(ctx context.Context, e *Env) error {
	stacks := map[string][]netip.Prefix{
		"single-stack": {netip.MustParsePrefix("10.0.0.0/8")},
		"dual-stack":   {netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00:10::/64")},
	}
	for _, place := range e.Places {
		for _, stack := range []string{"single-stack", "dual-stack"} {
			if err := e.scratch(place, func(dir string) error {
				l := peers.NewLineup(e.Programs, dir, stacks[stack],
					peers.Stock, peers.Files, peers.Bolt, peers.BoltEmpty, peers.EmptyGo, peers.EmptyC)
				for _, fill := range p.fills {
					k := samples.Key{FS: place.Name, Case: stack, Leases: fill}
					if err := p.at(ctx, e, lineupAt(l, fill), k, len(stacks[stack])); err != nil {
						return fmt.Errorf("at %d leases: %w", fill, err)
					}
				}
				return nil
			}); err != nil {
				return fmt.Errorf("%s, %s, %w", place.Name, stack, err)
			}
		}
	}
	return nil
}

// lineupAt returns the peers that take part at a fill.
func lineupAt(l peers.Lineup, fill int) peers.Lineup {
	return l.Only(func(p *peers.Peer) bool {
		tooMany := fill > maxStock && p.Name == peers.Stock
		twice := fill == 0 && p.Name == peers.BoltEmpty // bolt itself has no leases then
		return !tooMany && !twice
	})
}

// at measures at one fill. A container holds addrs leases.
func (p wholePlan) at(ctx context.Context, e *Env, l peers.Lineup, k samples.Key, addrs int) error {
	e.log(k, "filling")
	if err := l.Fill(func(one *peers.Peer) error {
		if one.Name == peers.BoltEmpty {
			return nil
		}
		return one.Store.Grow(ctx, k.Leases/addrs)
	}); err != nil {
		return err
	}
	return e.play(ctx, l, k, p.warmUps, p.roundsAt(k.Leases), wholeTurn)
}

// wholeTurn runs each command once. What is deleted has been held since the fill, if
// anything was.
func wholeTurn(p *peers.Peer, keep keep) error {
	if err := keep.time("ADD-ns", p.Add); err != nil {
		return err
	}
	if err := keep.time("CHECK-ns", p.Check); err != nil {
		return err
	}
	return keep.time("DEL-ns", p.DeleteOldest)
}
