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
after the last. Stores with a file for each lease run fewer commands, because as many as
bolt runs would take hours.`,
		Views: []report.View{
			{Title: "drift: the last quarter / the first", Unit: "-ns",
				Cell: func(values []float64, _ int) float64 { return measure.Drift(values) }},
			{Title: "growth: the largest / the first", Unit: "-B",
				Cell: func(values []float64, _ int) float64 { return slices.Max(values) / values[0] }},
		},
		Run: func(ctx context.Context, e *Env) error {
			if e.Quick {
				return e.play(ctx, churnScenes("10.0.0.0/20", 2_500, 20, 2_000, 200)...)
			}
			return e.play(ctx, churnScenes("10.0.0.0/18", 10_000, 20, 100_000, 2_000)...)
		},
	}
}

// churnScenes run so many commands on bolt, and fewer on the others, in windows: in each of them
// every peer has a turn. The subnet is well filled: what is released is leased again before long.
func churnScenes(subnet string, held, windows, commands, fewer int) []scene {
	of := func(commands int, names ...string) scene {
		random := make(map[string]*rand.Rand)
		for _, name := range names {
			random[name] = rand.New(rand.NewPCG(1, 2)) // the same for all
		}
		return scene{
			name: fmt.Sprintf("%d-commands", commands), subnets: subnets(subnet), peers: names,
			leases: []int{held}, rounds: windows,
			filled: func(t *turn) error { return t.weigh("size-B") },
			turn: func(ctx context.Context, t *turn) error {
				if err := window(ctx, t, random[t.Name], commands/windows); err != nil {
					return err
				}
				return t.weigh("size-B")
			},
		}
	}
	return []scene{of(fewer, peers.Stock, peers.Files, peers.EmptyGo), of(commands, peers.Bolt)}
}

// window runs a peer's commands, and keeps quantiles of their times.
func window(ctx context.Context, t *turn, random *rand.Rand, commands int) error {
	var adds, dels []float64
	for range commands / 2 {
		if err := ctx.Err(); err != nil {
			return err
		}
		took, err := t.Delete(t.Store.Remove(random.IntN(t.Store.Len())))
		if err != nil {
			return err
		}
		dels = append(dels, float64(took))
		if took, err = t.Add(); err != nil {
			return err
		}
		adds = append(adds, float64(took))
	}
	t.keep("ADD-ns", measure.Median(adds))
	t.keep("ADD-p99-ns", measure.Quantile(adds, 0.99))
	t.keep("DEL-ns", measure.Median(dels))
	t.keep("DEL-p99-ns", measure.Quantile(dels, 0.99))
	return nil
}
