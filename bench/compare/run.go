package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/parts/churn"
	"github.com/leasehold/leasehold/bench/compare/internal/parts/crowd"
	"github.com/leasehold/leasehold/bench/compare/internal/parts/inprocess"
	"github.com/leasehold/leasehold/bench/compare/internal/parts/space"
	"github.com/leasehold/leasehold/bench/compare/internal/parts/whole"
	"github.com/leasehold/leasehold/bench/compare/internal/parts/worst"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/progress"
)

// parts returns all parts in the order in which they run.
func parts() []part.Part {
	return []part.Part{
		whole.Part(), crowd.Part(), worst.Part(), churn.Part(), inprocess.Part(), space.Part(),
	}
}

func names() []string {
	var all []string
	for _, p := range parts() {
		all = append(all, p.Name)
	}
	return all
}

func run(ctx context.Context, o options, w io.Writer) error {
	chosen, err := o.parts()
	if err != nil {
		return err
	}
	places, remove, err := o.places()
	if err != nil {
		return err
	}
	defer remove()
	show := progress.New(os.Stderr)
	defer show.Clear()
	show.Printf("building")
	set, err := program.Builder{Dir: places[0].Dir}.All(ctx)
	if err != nil {
		return err
	}
	e := part.Env{Programs: set, Places: places, Quick: o.quick, Rounds: int(o.rounds), Show: show}
	for _, p := range chosen {
		if err := o.run(ctx, e, p, w); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// parts returns the parts that are to run.
func (o options) parts() ([]part.Part, error) {
	if o.only == "" {
		return parts(), nil
	}
	i := slices.Index(names(), o.only)
	if i < 0 {
		return nil, fmt.Errorf("-only %s: there is no such part; want one of %s", o.only, strings.Join(names(), ", "))
	}
	return parts()[i : i+1], nil
}
