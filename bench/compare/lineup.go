package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

// Names of the contestants.
const (
	stock     = "stock"
	files     = "files"
	bolt      = "bolt"
	boltEmpty = "bolt at 0"
	emptyGo   = "empty Go"
	emptyC    = "empty C"
)

// comparisons returns the ratios that are worth a column.
func comparisons() []report.Comparison {
	return []report.Comparison{
		{Of: stock, To: bolt},
		{Of: stock, To: files},
		{Of: bolt, To: boltEmpty},
		{Of: bolt, To: emptyGo},
	}
}

// mostFiles is the largest fill of stores with a file for each lease. With more,
// to fill them takes longer than anybody waits.
const mostFiles = 65_000

// A lineup is all contestants, in the order in which they are shown.
type lineup []*contestant

// newLineup builds the programs and gives each its store, in directories whose
// names are of one length, below dir.
func newLineup(ctx context.Context, dir string, withStock bool) (lineup, error) {
	b := program.Builder{Dir: dir}
	var l lineup
	if withStock {
		p, err := b.Stock(ctx)
		if err != nil {
			return nil, err
		}
		l = append(l, &contestant{name: stock, program: p, store: newStore(store.Files, dir, "1")})
	}
	p, err := b.Leasehold(ctx)
	if err != nil {
		return nil, err
	}
	l = append(l,
		&contestant{name: files, program: p, store: newStore(store.Files, dir, "2")},
		&contestant{name: bolt, program: p, store: newStore(store.Bolt, dir, "3")},
		&contestant{name: boltEmpty, program: p, store: newStore(store.Bolt, dir, "4"), empty: true},
	)
	floors, err := newFloors(ctx, b)
	return append(l, floors...), err
}

// newStore returns a store whose configuration names the backend only where it has
// to: a configuration written for the stock plugin does not.
func newStore(kind store.Kind, dir, name string) *store.Store {
	n := container.Network{DataDir: filepath.Join(dir, name)}
	if kind == store.Bolt {
		n.Backend = string(kind)
	}
	return store.New(kind, n)
}

// newFloors returns the programs that do nothing.
func newFloors(ctx context.Context, b program.Builder) (lineup, error) {
	inGo, err := b.EmptyGo(ctx)
	if err != nil {
		return nil, err
	}
	l := lineup{{name: emptyGo, program: inGo}}
	inC, err := b.EmptyC(ctx)
	if errors.Is(err, program.ErrNoCompiler) {
		return l, nil
	}
	return append(l, &contestant{name: emptyC, program: inC}), err
}

// at returns those who take part at a fill.
func (l lineup) at(fill int) lineup {
	var some lineup
	for _, c := range l {
		tooMany := fill > mostFiles && (c.name == stock || c.name == files)
		twice := fill == 0 && c.empty // bolt itself is empty then
		if !tooMany && !twice {
			some = append(some, c)
		}
	}
	return some
}

func (l lineup) names() []string {
	var names []string
	for _, c := range l {
		names = append(names, c.name)
	}
	return names
}

// programs returns each program once.
func (l lineup) programs() []report.Program {
	var all []report.Program
	seen := map[string]bool{}
	for _, c := range l {
		if !seen[c.program.Path] {
			all = append(all, report.Program{Name: c.program.Name, Version: c.program.Version})
		}
		seen[c.program.Path] = true
	}
	return all
}
