package parts

import (
	"context"
	"fmt"

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
			{Of: peers.Bolt, To: peers.BoltBefore}, {Of: peers.Files, To: peers.FilesBefore},
		},
		Run:    func(ctx context.Context, e *Env) error { return e.play(ctx, wholeScenes(e)...) },
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

// wholeScenes are two networks. The first run of a program reads it from the disk, and the first
// few of a plugin the store: so there are warm-ups. Stores of an earlier version are filled by
// its program, which takes minutes for more than 10,000 leases.
func wholeScenes(e *Env) []scene {
	single := scene{
		name:    "single-stack",
		subnets: subnets("10.0.0.0/8"),
		peers: []string{peers.Stock, peers.Files, peers.Bolt, peers.BoltEmpty, peers.EmptyGo,
			peers.BoltBefore, peers.FilesBefore},
		leases:  pick(e, []int{0, 110, 1_000, 10_000, 20_000, 65_000, 1_000_000}, []int{0, 1_000, 10_000}),
		most:    map[string]int{peers.Stock: manyLeases, peers.BoltBefore: 10_000, peers.FilesBefore: 10_000},
		rounds:  e.times(40, 5),
		fewer:   e.times(10, 5),
		warmUps: pick(e, 3, 1),
		turn:    addCheckDelete,
	}
	dual := single
	dual.name, dual.subnets = "dual-stack", subnets("10.0.0.0/8", "fd00:10::/64")
	return []scene{single, dual}
}

// addCheckDelete runs each command once. What is deleted has been held since the fill, if
// anything was.
func addCheckDelete(_ context.Context, t *turn) error {
	if err := t.run("ADD", t.Add); err != nil {
		return err
	}
	if err := t.run("CHECK", t.Check); err != nil {
		return err
	}
	return t.run("DEL", t.DeleteOldest)
}
