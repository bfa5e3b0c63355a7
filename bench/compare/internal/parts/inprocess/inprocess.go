// Package inprocess measures the stores as a library: how many leases in a second
// goroutines of one process make, and end, on a store that they share.
package inprocess

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// What is measured. Stores in memory are on no file system, and have measures of their
// own: they are measured once, and not beside the others.
const (
	acquire         = "acquire"
	release         = "release"
	acquireInMemory = "acquire in memory"
	releaseInMemory = "release in memory"
)

// inMemory stands where others have a file system.
const inMemory = "memory"

// mostForFiles is the largest fill at which the store with a file for each lease is
// measured: it reads all names for each lease that it makes.
const mostForFiles = 1_000

// atOnceWhileFilling is how many goroutines fill a store.
const atOnceWhileFilling = 64

// warmUps is how many rounds there are before those that are counted.
const warmUps = 1

func subnet() netip.Prefix { return netip.MustParsePrefix("10.0.0.0/16") }

// A plan is how much is measured.
type plan struct {
	fills      []int
	goroutines []int // numbers of them at once
	fewer      int   // how many times fewer leases a turn has than it should
	rounds     int
}

func newPlan(e part.Env) plan {
	return plan{
		fills:      part.Pick(e, []int{1_000, 10_000}, []int{1_000}),
		goroutines: []int{1, 8, 64, 512},
		fewer:      part.Pick(e, 1, 4),
		rounds:     e.Times(10, 3),
	}
}

// turn returns how many leases a contestant makes in a turn. They are so many that it
// takes some tenths of a second where that is known to be possible, and no fewer than
// there are goroutines.
func (p plan) turn(contestant string, goroutines int) int {
	leases := 0
	switch contestant {
	case contest.Bolt: // goroutines share transactions: the more there are, the faster
		leases = min(1_000*goroutines, 32_000)
	case contest.Podman:
		leases = 512
	case contest.Files, contest.GoIPAM: // thousands would take minutes
		leases = 64
	case contest.Memory:
		leases = 64_000
	}
	return max(leases/p.fewer, goroutines)
}

func run(ctx context.Context, e part.Env, r *result.Results) error {
	return newPlan(e).run(ctx, e, r)
}

func (p plan) run(ctx context.Context, e part.Env, r *result.Results) error {
	if err := e.In(func(place part.Place, dir string) error {
		for _, fill := range p.fills {
			names := []string{contest.Bolt, contest.Podman}
			if fill <= mostForFiles {
				names = append(names, contest.Files)
			}
			key := result.Key{FileSystem: place.Name, Leases: fill}
			if err := p.measure(ctx, e, r, key, filepath.Join(dir, fmt.Sprint(fill)), names...); err != nil {
				return fmt.Errorf("%s, at %d leases: %w", place.Name, fill, err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, fill := range p.fills {
		key := result.Key{FileSystem: inMemory, Leases: fill}
		if err := p.measure(ctx, e, r, key, "", contest.Memory, contest.GoIPAM); err != nil {
			return fmt.Errorf("in memory, at %d leases: %w", fill, err)
		}
	}
	return nil
}

// measure fills stores below dir, and measures them with each number of goroutines.
func (p plan) measure(ctx context.Context, e part.Env, r *result.Results, key result.Key, dir string, names ...string) error {
	var all []*player
	for _, name := range names {
		e.Show.Printf("inprocess: %s, %d leases: filling the store of %s", key.FileSystem, key.Leases, name)
		l, err := newLeaser(ctx, name, dir)
		if err != nil {
			return err
		}
		one := newPlayer(name, l)
		all = append(all, one)
		if _, err := one.acquire(ctx, atOnceWhileFilling, key.Leases); err != nil {
			return fmt.Errorf("filling: %w", err)
		}
	}
	for _, key.AtOnce = range p.goroutines {
		if err := (match{e, p, r, key}).play(ctx, all); err != nil {
			return fmt.Errorf("%d goroutines: %w", key.AtOnce, err)
		}
	}
	return nil
}

// A match is the comparison at one fill and with one number of goroutines.
type match struct {
	part.Env
	plan
	results *result.Results
	key     result.Key
}

func (m match) play(ctx context.Context, all []*player) error {
	for round := range warmUps + m.rounds {
		m.Show.Printf("inprocess: %s, %d leases, %d goroutines: %s",
			m.key.FileSystem, m.key.Leases, m.key.AtOnce, part.Round(round, warmUps, m.rounds))
		if err := contest.Turns(ctx, round, len(all), func(i int) error {
			runtime.GC() // what others have left is not collected at the cost of this one
			n := m.turn(all[i].name, m.key.AtOnce)
			took, err := all[i].turn(ctx, m.key.AtOnce, n, m.key.Leases)
			if err == nil && round >= warmUps {
				m.record(all[i].name, took)
			}
			return err
		}); err != nil {
			return err
		}
	}
	for _, one := range all {
		if err := one.verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// record adds how many leases a second a turn has made, and ended.
func (m match) record(name string, t tally) {
	acquired, released := acquire, release
	if m.key.FileSystem == inMemory {
		acquired, released = acquireInMemory, releaseInMemory
	}
	k := m.key
	k.Contestant, k.Measure = name, acquired
	m.results.Add(k, result.PerSecond, float64(t.leases)/t.acquiring.Seconds())
	k.Measure = released
	m.results.Add(k, result.PerSecond, float64(t.leases)/t.releasing.Seconds())
}
