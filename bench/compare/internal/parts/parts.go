// Package parts takes the measurements. Each part of the comparison has its own file.
package parts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/plot"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
	"github.com/leasehold/leasehold/internal/measure"
)

// A Part is one of the comparisons. Its samples are a file of their own.
type Part struct {
	Name  string
	Text  string // what is measured
	Pairs []report.Pair
	Views []report.View

	// Run measures, and adds what it finds to the samples.
	Run func(context.Context, *Env) error

	figure func(fs string) (name string, f plot.Figure)
}

// Figures returns what to draw of the first place, the disk, by the names of the files.
func (p Part) Figures(s *samples.Set) map[string]plot.Figure {
	if p.figure == nil || len(s.Samples) == 0 {
		return nil
	}
	name, f := p.figure(s.Samples[0].FS)
	return map[string]plot.Figure{name: f}
}

// All returns all parts in the order in which they run.
func All() []Part {
	return []Part{whole(), crowd(), worst(), churn(), inprocess(), space()}
}

// An Env is what a part needs to run.
type Env struct {
	Programs peers.Programs
	Places   []Place
	Quick    bool // everything shortened
	Rounds   int  // 0: the default of the part
	Most     int  // leases, unless it is 0
	Samples  *samples.Set
}

// A Place is a directory to make stores in.
type Place struct {
	Name string // of its file system, such as ext4
	Dir  string

	// Slow is the file system if its syncs can be delayed. Stores are filled without Delay.
	Slow  *measure.SlowDisk
	Delay time.Duration
}

// times returns the number of rounds.
func (e *Env) times(full, quick int) int { return cmp.Or(e.Rounds, pick(e, full, quick)) }

func pick[T any](e *Env, full, quick T) T {
	if e.Quick {
		return quick
	}
	return full
}

// upToMost returns the fills that do not exceed Most.
func (e *Env) upToMost(fills []int) []int {
	return slices.DeleteFunc(slices.Clone(fills), func(n int) bool { return e.Most > 0 && n > e.Most })
}

// inEach calls fn with a new directory in each place, and removes it afterwards.
func (e *Env) inEach(fn func(place Place, dir string) error) error {
	for _, p := range e.Places {
		dir, err := os.MkdirTemp(p.Dir, "part-")
		if err == nil {
			err = fn(p, dir)
			os.RemoveAll(dir) // the directory above is removed again at the end
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// A scene is one store for each peer, and what every peer does in its turns.
type scene struct {
	name    string // the case, if the part has several
	subnets []netip.Prefix
	peers   []string
	leases  []int          // ascending: stores only grow
	most    map[string]int // peers that take part up to some number of leases only
	stride  int            // of each so many addresses only the last is leased; 0 is like 1
	atOnce  []int          // processes, if that differs
	warmUps int            // rounds that do not count
	rounds  int
	fewer   int // rounds above manyLeases, unless it is 0

	// filled is called for each peer when its store has been filled, unless it is nil.
	filled func(*turn) error
	turn   func(context.Context, *turn) error
}

// manyLeases is the largest fill at which stock is measured: above it, a command takes
// seconds.
const manyLeases = 65_000

func subnets(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// play plays scenes, in each place one after the other.
func (e *Env) play(ctx context.Context, scenes ...scene) error {
	return e.inEach(func(place Place, dir string) error {
		for _, s := range scenes {
			if err := e.playIn(ctx, s, place, filepath.Join(dir, s.name)); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return nil
	})
}

func (e *Env) playIn(ctx context.Context, s scene, place Place, dir string) error {
	defer os.RemoveAll(dir) // the directory above is removed again at the end
	all := peers.NewLineup(e.Programs, dir, s.subnets, s.peers...)
	for _, leases := range e.upToMost(s.leases) {
		k := samples.Key{FS: place.Name, Case: s.name, Leases: leases}
		some := all.Only(func(p *peers.Peer) bool {
			most, limited := s.most[p.Name]
			same := leases == 0 && p.Name == peers.BoltEmpty // as bolt
			return !same && (!limited || leases <= most)
		})
		e.log(k, "filling")
		if err := some.Grow(ctx, leases/len(s.subnets), max(s.stride, 1)); err != nil {
			return err
		}
		for _, p := range some {
			if s.filled != nil {
				if err := s.filled(e.turnOf(p, k, place)); err != nil {
					return err
				}
			}
		}
		rounds := s.rounds
		if leases > manyLeases {
			rounds = cmp.Or(s.fewer, rounds)
		}
		for _, k.AtOnce = range append(s.atOnce, 0)[:max(len(s.atOnce), 1)] {
			if err := e.rounds(ctx, place, k, s.warmUps+rounds, len(some), func(round, i int) error {
				t := e.turnOf(some[i], k, place)
				t.warmUp = round < s.warmUps
				return s.turn(ctx, t)
			}); err != nil {
				return fmt.Errorf("at %d leases: %w", leases, err)
			}
			if err := some.Verify(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// rounds gives each of n peers its turn in each round.
func (e *Env) rounds(ctx context.Context, place Place, k samples.Key, rounds, n int, turn func(round, i int) error) (err error) {
	e.log(k, "measuring")
	if place.Slow != nil {
		if _, err := place.Slow.Delay(place.Delay); err != nil {
			return err
		}
		defer func() {
			_, failed := place.Slow.Delay(0)
			err = errors.Join(err, failed)
		}()
	}
	for round := range rounds {
		if err := measure.Turns(ctx, round, n, func(i int) error { return turn(round, i) }); err != nil {
			return err
		}
	}
	return nil
}

// A turn is a peer's share of a round.
type turn struct {
	*peers.Peer
	key    samples.Key
	place  Place
	env    *Env
	warmUp bool // what it keeps does not count
}

func (e *Env) turnOf(p *peers.Peer, k samples.Key, place Place) *turn {
	k.Store = p.Name
	return &turn{Peer: p, key: k, place: place, env: e}
}

// keep records a value.
func (t *turn) keep(unit string, value float64) {
	if !t.warmUp {
		t.env.Samples.Add(t.key, unit, value)
	}
}

// weigh records how much of the disk the store takes.
func (t *turn) weigh(unit string) error {
	if t.Store.Network.DataDir == "" {
		return nil
	}
	bytes, err := t.Store.DiskUsage()
	t.keep(unit, float64(bytes))
	return err
}

// run runs a command, and records how long it took and, on a slow disk, its syncs.
func (t *turn) run(command string, run func() (time.Duration, error)) error {
	before, err := t.syncs()
	if err != nil {
		return err
	}
	took, err := run()
	if err != nil {
		return err
	}
	t.keep(command+"-ns", float64(took))
	after, err := t.syncs()
	if err == nil && t.place.Slow != nil {
		t.keep(command+"-syncs", float64(after-before))
	}
	return err
}

func (t *turn) syncs() (int, error) {
	if t.place.Slow == nil {
		return 0, nil
	}
	return t.place.Slow.Delay(t.place.Delay)
}

// addAndDelete leases the address after the one leased last, and releases the oldest lease.
func addAndDelete(_ context.Context, t *turn) error {
	if err := t.run("ADD", t.Add); err != nil {
		return err
	}
	return t.run("DEL", t.DeleteOldest)
}

func (e *Env) log(k samples.Key, what string) {
	log.Printf("%s: %s", k.Name(e.Samples.Part), what)
}
