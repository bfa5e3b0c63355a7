// Package parts takes the measurements. Each part of the comparison has its own file.
package parts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/measure"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/plot"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
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
	Samples  *samples.Set

	// Delay turns the delay of the place slow on and off, if there is one. Stores are filled
	// without it.
	Delay func(on bool) error
}

// A Place is a directory to make stores in.
type Place struct {
	Name string // of its file system, such as ext4
	Dir  string
}

// times returns the number of rounds.
func (e *Env) times(full, quick int) int { return cmp.Or(e.Rounds, pick(e, full, quick)) }

func pick[T any](e *Env, full, quick T) T {
	if e.Quick {
		return quick
	}
	return full
}

// inEach calls fn with a new directory in each place.
func (e *Env) inEach(fn func(place, dir string) error) error {
	for _, p := range e.Places {
		if err := e.scratch(p, func(dir string) error { return fn(p.Name, dir) }); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// scratch calls fn with a new directory in a place, and removes it afterwards.
func (e *Env) scratch(p Place, fn func(dir string) error) error {
	dir, err := os.MkdirTemp(p.Dir, "part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // the directory above is removed again at the end
	return fn(dir)
}

// play has every peer run a turn in each round, first warm-ups, which do not count, and then
// verifies the stores. A turn keeps its values under the key with the peer's name.
func (e *Env) play(ctx context.Context, l peers.Lineup, k samples.Key, warmUps, rounds int, turn func(*peers.Peer, keep) error) error {
	if err := e.rounds(ctx, k, warmUps+rounds, len(l), func(round, i int) error {
		k := k
		k.Store = l[i].Name
		return turn(l[i], func(unit string, value float64) {
			if round >= warmUps {
				e.Samples.Add(k, unit, value)
			}
		})
	}); err != nil {
		return err
	}
	return l.Verify(ctx)
}

// rounds gives each of n peers its turn in each round.
func (e *Env) rounds(ctx context.Context, k samples.Key, rounds, n int, turn func(round, i int) error) (err error) {
	e.log(k, "measuring")
	if e.Delay != nil {
		if err := e.Delay(true); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, e.Delay(false)) }()
	}
	for round := range rounds {
		if err := measure.Turns(ctx, round, n, func(i int) error { return turn(round, i) }); err != nil {
			return err
		}
	}
	return nil
}

// keep records a value of a turn.
type keep func(unit string, value float64)

// time runs a command and records how long it took.
func (k keep) time(unit string, command func() (time.Duration, error)) error {
	took, err := command()
	if err == nil {
		k(unit, float64(took))
	}
	return err
}

func (e *Env) log(k samples.Key, what string) {
	log.Printf("%s: %s", k.Name(e.Samples.Part), what)
}
