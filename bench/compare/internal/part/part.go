// Package part is what the parts of the comparison have in common: how one is
// described, and what it is given to run.
package part

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/progress"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// A Part is one of the comparisons. It is run by itself, and its results are a file
// of their own.
type Part struct {
	// Name is that of the file with the results, and what the part is called on
	// the command line.
	Name string

	// Section says how the results are shown, but for the figures.
	Section report.Section

	// Run measures and adds what it finds to the results.
	Run func(context.Context, Env, *result.Results) error

	// Figures draws what was found.
	Figures func(*result.Results) []Figure
}

// A Figure is a drawing, and the name of its file without what it ends with.
type Figure struct {
	Name string
	chart.Figure
}

// An Env is what a part is given to run.
type Env struct {
	Programs program.Set
	Places   []Place
	Quick    bool // everything shortened
	Rounds   int  // 0: as many as the part sees fit
	Show     *progress.Line
}

// A Place is a directory on a file system.
type Place struct {
	Name string // of the kind of file system, such as ext4
	Dir  string
}

// Times returns the number of rounds: what was asked for, or else one of the two.
func (e Env) Times(full, quick int) int {
	if e.Quick {
		return cmp.Or(e.Rounds, quick)
	}
	return cmp.Or(e.Rounds, full)
}

// Pick returns one of two values.
func Pick[T any](e Env, full, quick T) T {
	if e.Quick {
		return quick
	}
	return full
}

// Round names a round for people: those that do not count come first.
func Round(round, warmUps, counted int) string {
	if round < warmUps {
		return "warming up"
	}
	return fmt.Sprintf("round %d of %d", round-warmUps+1, counted)
}

// In calls fn with a new directory in each place; see Scratch.
func (e Env) In(fn func(p Place, dir string) error) error {
	for _, p := range e.Places {
		if err := e.Scratch(p, func(dir string) error { return fn(p, dir) }); err != nil {
			return err
		}
	}
	return nil
}

// Scratch calls fn with a new directory in a place, and removes it afterwards.
func (e Env) Scratch(p Place, fn func(dir string) error) error {
	dir, err := os.MkdirTemp(p.Dir, "part-")
	if err != nil {
		return err
	}
	defer func() {
		e.Show.Printf("%s: removing the stores", p.Name)
		os.RemoveAll(dir) // the results stand, and the directory above is removed again at the end
	}()
	return fn(dir)
}
