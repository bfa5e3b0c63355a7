package parts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/internal/measure"
)

func churn() Part {
	return Part{
		Name: "churn",
		Text: `Containers come and go: by turns a DEL of a random one and an ADD, on a pool that is some 60 %
full, so that leases come to be scattered. The time is divided into 20 windows, and the
median and the 99th percentile of each are kept. A store is weighed before each window and
after the last. Bolt runs 100,000 commands, of which one in fifty is a whole process and is timed; the
others run in the process of the comparison, by the same code. Stores with a file for each lease run
fewer commands, because as many as bolt runs would take hours.`,
		Views: []report.View{
			{Title: "drift: the last quarter / the first", Unit: "-ns",
				Cell: func(values []float64, _ int) float64 { return measure.Drift(values) }},
			{Title: "growth: the largest / the first", Unit: "-B",
				Cell: func(values []float64, _ int) float64 { return slices.Max(values) / values[0] }},
		},
		Run: func(ctx context.Context, e *Env) error {
			if e.Quick {
				return e.play(ctx, churnScenes("10.0.0.0/20", 2_500, 20, 2_000, 400, 200)...)
			}
			return e.play(ctx, churnScenes("10.0.0.0/18", 10_000, 20, 100_000, 2_000, 600)...)
		},
	}
}

// churnScenes run so many commands on bolt, some of them timed, and fewer on the others, in windows: in each of
// them every peer has a turn. The subnet is well filled: what is released is leased again before long.
func churnScenes(subnet string, held, windows, commands, timed, fewer int) []scene {
	of := func(commands, timed int, names ...string) scene {
		random := make(map[string]*rand.Rand)
		for _, name := range names {
			random[name] = rand.New(rand.NewPCG(1, 2)) // the same for all
		}
		return scene{
			name: fmt.Sprintf("%d-commands", commands), subnets: subnets(subnet), peers: names,
			leases: []int{held}, rounds: windows,
			filled: func(t *turn) error { return t.weigh("size-B") },
			turn: func(ctx context.Context, t *turn) error {
				if err := window(ctx, t, random[t.Name], commands/windows, commands/timed); err != nil {
					return err
				}
				return t.weigh("size-B")
			},
		}
	}
	return []scene{of(fewer, fewer, peers.Stock, peers.Files, peers.EmptyGo), of(commands, timed, peers.Bolt)}
}

// window runs a peer's commands. It runs one in so many as a whole process, and keeps quantiles of their times.
func window(ctx context.Context, t *turn, random *rand.Rand, commands, oneIn int) error {
	var adds, dels []float64
	for i := range commands / 2 {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, timed := t.Peer, i%oneIn == 0
		if !timed {
			p = t.InProcess()
		}
		del, err := p.Delete(t.Store.Remove(random.IntN(t.Store.Len())))
		if err != nil {
			return err
		}
		add, err := p.Add()
		if err != nil {
			return err
		}
		if timed {
			dels, adds = append(dels, float64(del)), append(adds, float64(add))
		}
	}
	t.keep("ADD-ns", measure.Median(adds))
	t.keep("ADD-p99-ns", measure.Quantile(adds, 0.99))
	t.keep("DEL-ns", measure.Median(dels))
	t.keep("DEL-p99-ns", measure.Quantile(dels, 0.99))
	return nil
}
