package parts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func churn() Part {
	return Part{
		Name: "churn",
		Text: `Containers come and go: by turns a DEL of a random one and an ADD, on a pool that is some 60 %
full, so that leases come to be scattered. The time is divided into 20 windows, and the
median and the 99th percentile of each are kept. A store is weighed before each window and
after the last. Stores with a file for each lease run fewer commands, because as many as
bolt runs would take hours.`,
		Views: []report.View{report.Drift(), report.Growth()},
		Run:   func(ctx context.Context, e *Env) error { return newChurnPlan(e).run(ctx, e) },
	}
}

type churnPlan struct {
	subnet   string // well filled: what is released is leased again before long
	held     int
	commands int // of bolt
	fewer    int // the others run that many times fewer
	windows  int // in each of them every peer has a turn
}

func newChurnPlan(e *Env) churnPlan {
	return churnPlan{
		subnet:   pick(e, "10.0.0.0/18", "10.0.0.0/20"),
		held:     pick(e, 10_000, 2_500),
		commands: pick(e, 100_000, 2_000),
		fewer:    pick(e, 50, 10),
		windows:  20,
	}
}

// of returns how many commands a peer runs.
func (p churnPlan) of(peer string) int {
	if peer == peers.Bolt {
		return p.commands
	}
	return p.commands / p.fewer
}

func (p churnPlan) run(ctx context.Context, e *Env) error {
	return e.inEach(func(place, dir string) error {
		l := peers.NewLineup(e.Programs, dir, []netip.Prefix{netip.MustParsePrefix(p.subnet)},
			peers.Stock, peers.Files, peers.Bolt, peers.EmptyGo)
		k := samples.Key{FS: place, Leases: p.held}
		e.log(k, "filling")
		if err := l.Fill(func(one *peers.Peer) error { return one.Store.Grow(ctx, p.held) }); err != nil {
			return err
		}
		random := make(map[string]*rand.Rand)
		for _, one := range l {
			random[one.Name] = rand.New(rand.NewPCG(1, 2)) // the same for all
			if err := p.weigh(e, one, k); err != nil {
				return err
			}
		}
		return e.play(ctx, l, k, 0, p.windows, func(one *peers.Peer, _ keep) error {
			if err := p.window(ctx, e, one, random[one.Name], p.key(one, k)); err != nil {
				return err
			}
			return p.weigh(e, one, k)
		})
	})
}

// window runs a peer's share of commands.
func (p churnPlan) window(ctx context.Context, e *Env, one *peers.Peer, random *rand.Rand, k samples.Key) error {
	adds, dels := []float64(nil), []float64(nil)
	for range max(p.of(one.Name)/2/p.windows, 1) {
		if err := ctx.Err(); err != nil {
			return err
		}
		i := 0
		if one.Store != nil {
			i = random.IntN(one.Store.Len())
		}
		took, err := one.Delete(i)
		if err != nil {
			return err
		}
		dels = append(dels, float64(took))
		if took, err = one.Add(); err != nil {
			return err
		}
		adds = append(adds, float64(took))
	}
	e.Samples.Add(k, "ADD-ns", samples.Median(adds))
	e.Samples.Add(k, "ADD-p99-ns", samples.Quantile(adds, 0.99))
	e.Samples.Add(k, "DEL-ns", samples.Median(dels))
	e.Samples.Add(k, "DEL-p99-ns", samples.Quantile(dels, 0.99))
	return nil
}

func (p churnPlan) weigh(e *Env, one *peers.Peer, k samples.Key) error {
	if one.Store == nil {
		return nil
	}
	return weigh(e, one.Store, one.Name, "size-B", p.key(one, k))
}

// key returns a key with the number of commands, which differs between peers.
func (p churnPlan) key(one *peers.Peer, k samples.Key) samples.Key {
	k.Store, k.Case = one.Name, fmt.Sprintf("%d-commands", p.of(one.Name))
	return k
}
