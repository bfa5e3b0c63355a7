// Package samples keeps what was measured, in the Go benchmark format, and summarizes it.
//
// A [Set] is all samples of one part of the comparison. One line of its file is one turn of
// one peer:
//
//	BenchmarkWhole/store=bolt/fs=ext4/case=single-stack/leases=1000 1 2205131 ADD-ns 1634210 CHECK-ns
//
// benchstat and the packages of golang.org/x/perf read these files. The lines of a key are
// in the order of the rounds, which is what [Set.Ratios] relies on.
package samples

import (
	"fmt"
	"slices"
)

// A Key names what was measured.
type Key struct {
	Store  string // the peer
	FS     string // the place, named after its file system
	Case   string // the circumstances, if a part has several
	Leases int    // held meanwhile
	AtOnce int    // processes or goroutines, if a part has several
}

// A Sample is the values of one unit of one key, one for each round.
type Sample struct {
	Key
	Unit   string // such as ADD-ns
	Values []float64
}

// A Set is the samples of one part, in the order in which they were first added.
type Set struct {
	Part    string
	Config  [][2]string // when, on what and with what it was measured
	Samples []Sample
}

// Add adds the value of the next round.
func (s *Set) Add(k Key, unit string, value float64) {
	i := s.index(k, unit)
	if i < 0 {
		i = len(s.Samples)
		s.Samples = append(s.Samples, Sample{Key: k, Unit: unit})
	}
	s.Samples[i].Values = append(s.Samples[i].Values, value)
}

// Values returns the values of a sample, or nil.
func (s *Set) Values(k Key, unit string) []float64 {
	if i := s.index(k, unit); i >= 0 {
		return s.Samples[i].Values
	}
	return nil
}

func (s *Set) index(k Key, unit string) int {
	return slices.IndexFunc(s.Samples, func(one Sample) bool { return one.Key == k && one.Unit == unit })
}

// Units returns the units, each once.
func (s *Set) Units() []string {
	return distinct(s.Samples, func(one Sample) (string, bool) { return one.Unit, true })
}

// Rows returns the keys that have samples of a unit, without the store, each once.
func (s *Set) Rows(unit string) []Key {
	return distinct(s.Samples, func(one Sample) (Key, bool) {
		one.Store = ""
		return one.Key, one.Unit == unit
	})
}

// Stores returns the stores that have samples of a unit, each once.
func (s *Set) Stores(unit string) []string {
	return distinct(s.Samples, func(one Sample) (string, bool) { return one.Store, one.Unit == unit })
}

// Ratios divides each value of a store in a row by the value of another of the same round, or
// returns nil if the set lacks one of the two. Two values of one round were measured shortly
// after each other; a quotient of two medians would also contain how the machine changed between
// the rounds of the medians. It panics if a round of either is missing, because then the values
// are not pairs.
func (s *Set) Ratios(row Key, unit, of, to string) []float64 {
	a, b := row, row
	a.Store, b.Store = of, to
	x, y := s.Values(a, unit), s.Values(b, unit)
	if x == nil || y == nil {
		return nil
	}
	if len(x) != len(y) {
		panic(fmt.Sprintf("ratios of %d rounds to %d rounds", len(x), len(y)))
	}
	ratios := make([]float64, len(x))
	for i := range x {
		ratios[i] = x[i] / y[i]
	}
	return ratios
}

// TrimRounds removes the values of the last round of each comparison unless all its peers have them: when the
// measurement ends early, some have had their turn and others have not.
func (s *Set) TrimRounds() {
	type comparison struct {
		row  Key
		unit string
	}
	of := func(one Sample) comparison {
		row := one.Key
		row.Store = ""
		return comparison{row, one.Unit}
	}
	rounds := make(map[comparison]int)
	for _, one := range s.Samples {
		if n, ok := rounds[of(one)]; !ok || len(one.Values) < n {
			rounds[of(one)] = len(one.Values)
		}
	}
	for i, one := range s.Samples {
		s.Samples[i].Values = one.Values[:rounds[of(one)]]
	}
}

// distinct collects the results of a function that it returns with true, each once, in order.
func distinct[T comparable](all []Sample, of func(Sample) (T, bool)) []T {
	var found []T
	for _, one := range all {
		if v, ok := of(one); ok && !slices.Contains(found, v) {
			found = append(found, v)
		}
	}
	return found
}
