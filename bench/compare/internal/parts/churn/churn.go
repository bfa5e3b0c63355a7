// Package churn measures what becomes of a store on which containers come and go for a
// long time: whether it grows, and whether its commands become slower.
package churn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// What is measured besides the commands.
const size = "size"

// A plan is how much is measured.
type plan struct {
	subnet   string // well filled: what is released is leased again before long
	held     int
	commands int // of bolt
	fewer    int // how many times fewer the others run
	windows  int
}

// newPlan returns the plan that is asked for. For as many commands as bolt runs,
// stores with a file for each lease would need hours; and a program that does nothing
// does not tire.
func newPlan(e part.Env) plan {
	return plan{
		subnet:   part.Pick(e, "10.0.0.0/18", "10.0.0.0/20"),
		held:     part.Pick(e, 10_000, 2_500),
		commands: part.Pick(e, 100_000, 2_000),
		fewer:    part.Pick(e, 50, 10),
		windows:  windows,
	}
}

// windows is into how many parts the time is divided. Everybody has a turn in each of
// them, so that a machine that becomes slower does so for all.
const windows = 20

// of returns how many commands a contestant runs.
func (p plan) of(contestant string) int {
	if contestant == contest.Bolt {
		return p.commands
	}
	return p.commands / p.fewer
}

func run(ctx context.Context, e part.Env, r *result.Results) error {
	return newPlan(e).run(ctx, e, r)
}

func (p plan) run(ctx context.Context, e part.Env, r *result.Results) error {
	return e.In(func(place part.Place, dir string) error {
		l := contest.New(e.Programs, dir, []netip.Prefix{netip.MustParsePrefix(p.subnet)},
			contest.Stock, contest.Files, contest.Bolt, contest.EmptyGo)
		if err := l.Prepare(func(c *contest.Contestant) error {
			e.Show.Printf("churn: %s: filling the store of %s", place.Name, c.Name)
			return c.Store.Grow(ctx, p.held)
		}); err != nil {
			return err
		}
		m := match{Env: e, plan: p, results: r, place: place.Name, random: make(map[string]*rand.Rand)}
		for _, c := range l {
			m.random[c.Name] = rand.New(rand.NewPCG(1, 2)) // the same for all
		}
		if err := m.play(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", place.Name, err)
		}
		return l.Verify(ctx)
	})
}

// A match is the comparison on one file system.
type match struct {
	part.Env
	plan
	results *result.Results
	place   string
	random  map[string]*rand.Rand // who goes, by contestant
}

// play has everybody run a window by turns. The size is that before the first window,
// and after each.
func (m match) play(ctx context.Context, l contest.Lineup) error {
	for _, c := range l.Stored() {
		if err := m.weigh(c); err != nil {
			return err
		}
	}
	for w := range m.windows {
		if err := l.Round(ctx, w, func(c *contest.Contestant) error {
			m.Show.Printf("churn: %s: %d of %d: %s", m.place, w+1, m.windows, c.Name)
			if err := m.window(ctx, c); err != nil {
				return err
			}
			return m.weigh(c)
		}); err != nil {
			return err
		}
	}
	return nil
}

// window runs a contestant's share of commands, by turns a DEL of anybody and an ADD,
// and keeps what stands for their times.
func (m match) window(ctx context.Context, c *contest.Contestant) error {
	adds, dels := []float64(nil), []float64(nil)
	for range max(m.of(c.Name)/2/m.windows, 1) {
		if err := ctx.Err(); err != nil {
			return err
		}
		took, err := c.Delete(m.anybody(c))
		if err != nil {
			return err
		}
		dels = append(dels, float64(took))
		if took, err = c.Add(); err != nil {
			return err
		}
		adds = append(adds, float64(took))
	}
	m.record(c, "ADD", adds)
	m.record(c, "DEL", dels)
	return nil
}

func (m match) anybody(c *contest.Contestant) int {
	if c.Store == nil {
		return 0
	}
	return m.random[c.Name].IntN(c.Store.Len())
}

func (m match) record(c *contest.Contestant, command string, times []float64) {
	m.results.Add(m.key(c, command), result.Nanoseconds, stats.Median(times))
	m.results.Add(m.key(c, command+" p99"), result.Nanoseconds, stats.Quantile(times, 0.99))
}

func (m match) weigh(c *contest.Contestant) error {
	if c.Store == nil {
		return nil
	}
	bytes, err := c.Store.OnDisk()
	m.results.Add(m.key(c, size), result.Bytes, float64(bytes))
	return err
}

func (m match) key(c *contest.Contestant, measure string) result.Key {
	return result.Key{
		FileSystem: m.place,
		Case:       report.Grouped(float64(m.of(c.Name))) + " commands",
		Leases:     m.held,
		Contestant: c.Name,
		Measure:    measure,
	}
}
