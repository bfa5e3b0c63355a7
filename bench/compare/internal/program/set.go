package program

import (
	"context"
	"errors"
)

// A Set is all programs of the comparison.
type Set struct {
	Stock, Leasehold, Polling, EmptyGo, EmptyC, Peak Program

	// Missing says of programs, by name, why there are none.
	Missing map[string]string
}

// All builds all programs.
func (b Builder) All(ctx context.Context) (Set, error) {
	s := Set{Missing: make(map[string]string)}
	for _, p := range []struct {
		name  string
		to    *Program
		build func(context.Context) (Program, error)
	}{
		{"stock", &s.Stock, b.Stock},
		{"leasehold", &s.Leasehold, b.Leasehold},
		{"polling", &s.Polling, b.Polling},
		{"empty-go", &s.EmptyGo, b.EmptyGo},
		{"empty-c", &s.EmptyC, b.EmptyC},
		{"peak", &s.Peak, b.Peak},
	} {
		var err error
		*p.to, err = p.build(ctx)
		switch {
		case errors.Is(err, ErrNoCompiler), errors.Is(err, ErrNotLinux):
			s.Missing[p.name] = err.Error()
		case err != nil:
			return Set{}, err
		}
	}
	return s, nil
}

// Programs returns those that were built and are worth a mention.
func (s Set) Programs() []Program {
	var all []Program
	for _, p := range []Program{s.Stock, s.Leasehold, s.Polling, s.EmptyGo, s.EmptyC} {
		if p.Path != "" {
			all = append(all, p)
		}
	}
	return all
}
