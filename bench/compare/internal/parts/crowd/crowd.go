// Package crowd measures many processes at once, as after a reboot, or when a node is
// drained: how many commands are done in a second, and how long the unlucky ones
// wait.
package crowd

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// What is measured of a burst, besides the quantiles of each command.
const throughput = "throughput"

// quantiles are what is kept of the times of a command in a burst.
func quantiles() []quantile {
	return []quantile{{"p50", 0.5}, {"p99", 0.99}, {"worst", 1}}
}

type quantile struct {
	name  string
	where float64
}

// A plan is how much is measured.
type plan struct {
	fills    []int
	crowds   []int // numbers of processes at once
	commands int   // in a burst, at least
	rounds   int   // of bursts
}

// warmUps is how many rounds there are before these, which are not counted.
const warmUps = 1

func newPlan(e part.Env) plan {
	return plan{
		fills:    part.Pick(e, []int{110, 1_000}, []int{110}),
		crowds:   part.Pick(e, []int{1, 8, 64, 256}, []int{1, 8, 64}),
		commands: part.Pick(e, 512, 128),
		rounds:   e.Times(5, 2),
	}
}

func run(ctx context.Context, e part.Env, r *result.Results) error {
	return newPlan(e).run(ctx, e, r)
}

func (p plan) run(ctx context.Context, e part.Env, r *result.Results) error {
	subnets := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}
	return e.In(func(place part.Place, dir string) error {
		for _, fill := range p.fills {
			l := contest.New(e.Programs, fmt.Sprintf("%s/%d", dir, fill), subnets, contestants()...)
			if err := l.Prepare(func(c *contest.Contestant) error { return c.Store.Grow(ctx, fill) }); err != nil {
				return err
			}
			for _, atOnce := range p.crowds {
				m := match{e, p, r, result.Key{FileSystem: place.Name, Leases: fill, AtOnce: atOnce}}
				if err := m.play(ctx, l); err != nil {
					return fmt.Errorf("%s, at %d leases, %d processes: %w", place.Name, fill, atOnce, err)
				}
			}
		}
		return nil
	})
}

// A match is the comparison at one fill and in a crowd of one size.
type match struct {
	part.Env
	plan
	results *result.Results
	key     result.Key
}

// play has every contestant run a burst in each round.
func (m match) play(ctx context.Context, l contest.Lineup) error {
	for round := range warmUps + m.rounds {
		m.Show.Printf("crowd: %s, %d leases, %d at once: %s",
			m.key.FileSystem, m.key.Leases, m.key.AtOnce, part.Round(round, warmUps, m.rounds))
		if err := l.Round(ctx, round, func(c *contest.Contestant) error {
			// Each process of the crowd runs an ADD and a DEL at least.
			n := max(m.commands, 2*m.key.AtOnce)
			b := &burst{c: c, left: n}
			took, err := b.run(ctx, m.key.AtOnce)
			if err == nil && round >= warmUps {
				m.record(b, n, took)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return l.Verify(ctx)
}

// record adds what there is to know about a burst of n commands.
func (m match) record(b *burst, n int, took time.Duration) {
	k := m.key
	k.Contestant, k.Measure = b.c.Name, throughput
	m.results.Add(k, result.PerSecond, float64(n)/took.Seconds())
	for _, command := range []string{"ADD", "DEL"} {
		times := nanoseconds(b.times[command])
		for _, q := range quantiles() {
			k.Measure = command + " " + q.name
			m.results.Add(k, result.Nanoseconds, stats.Quantile(times, q.where))
		}
	}
}

func nanoseconds(times []time.Duration) []float64 {
	all := slices.Grow([]float64(nil), len(times))
	for _, t := range times {
		all = append(all, float64(t))
	}
	return all
}
