// Package space measures how much disk and memory leases take.
package space

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
	"github.com/leasehold/leasehold/internal/boot"
)

// What is measured.
const (
	disk = "disk" // of the whole store
	peak = "peak" // memory of an ADD
	heap = "heap" // memory of a store that is kept in memory
)

// mostForFiles is the largest fill of stores with a file for each lease: what they take
// for each is the same with more.
const mostForFiles = 65_000

// A plan is how much is measured.
type plan struct {
	fills  []int // ascending: stores only grow
	rounds int   // of ADDs, the memory of which is measured
}

func newPlan(e part.Env) plan {
	return plan{
		fills:  part.Pick(e, []int{0, 110, 1_000, 10_000, 65_000, 1_000_000}, []int{0, 1_000, 10_000}),
		rounds: e.Times(10, 3),
	}
}

func subnet() netip.Prefix { return netip.MustParsePrefix("10.0.0.0/8") }

func run(ctx context.Context, e part.Env, r *result.Results) error {
	return newPlan(e).run(ctx, e, r)
}

func (p plan) run(ctx context.Context, e part.Env, r *result.Results) error {
	return e.In(func(place part.Place, dir string) error {
		m := measurement{e, p, r, place.Name}
		l := contest.New(e.Programs, dir, []netip.Prefix{subnet()},
			contest.Stock, contest.Files, contest.Bolt, contest.EmptyGo)
		for _, fill := range p.fills {
			if err := m.all(ctx, l, filepath.Join(dir, fmt.Sprint("loaded", fill)), fill); err != nil {
				return fmt.Errorf("%s, at %d leases: %w", place.Name, fill, err)
			}
		}
		return nil
	})
}

// A measurement is one on one file system.
type measurement struct {
	part.Env
	plan
	results *result.Results
	place   string
}

// all measures everything at one fill.
func (m measurement) all(ctx context.Context, l contest.Lineup, loadDir string, fill int) error {
	if err := m.grow(ctx, l, fill); err != nil {
		return err
	}
	if err := m.load(ctx, loadDir, fill); err != nil {
		return err
	}
	return m.memory(ctx, fill)
}

// grow fills the stores, and measures them and an ADD on each.
func (m measurement) grow(ctx context.Context, all contest.Lineup, fill int) error {
	l := all.Only(func(c *contest.Contestant) bool {
		return fill <= mostForFiles || c.Name == contest.Bolt || c.Name == contest.EmptyGo
	})
	if err := l.Prepare(func(c *contest.Contestant) error {
		m.Show.Printf("space: %s, %d leases: filling the store of %s", m.place, fill, c.Name)
		return c.Store.Grow(ctx, fill)
	}); err != nil {
		return err
	}
	if fill == 0 { // a store that was never used is not there
		if err := use(l); err != nil {
			return err
		}
	}
	for _, c := range l.Stored() {
		if err := m.weigh(c.Name, c.Store, fill); err != nil {
			return err
		}
	}
	return m.peaks(ctx, l, fill)
}

// use has one container come and go.
func use(l contest.Lineup) error {
	for _, c := range l {
		if _, err := c.Add(); err != nil {
			return err
		}
		if _, err := c.DeleteOldest(); err != nil {
			return err
		}
	}
	return nil
}

func (m measurement) weigh(name string, s *store.Store, fill int) error {
	bytes, err := s.OnDisk()
	m.record(name, disk, fill, float64(bytes))
	return err
}

// load makes a bolt store of the same leases at once.
func (m measurement) load(ctx context.Context, dir string, fill int) error {
	m.Show.Printf("space: %s, %d leases: loading", m.place, fill)
	s := store.New(store.Bolt, dir, subnet())
	if err := s.Load(fill); err != nil {
		return err
	}
	if err := m.weigh(contest.Loaded, s, fill); err != nil {
		return err
	}
	return s.Verify(ctx)
}

// peaks measures the memory of ADDs, unless nothing tells.
func (m measurement) peaks(ctx context.Context, l contest.Lineup, fill int) error {
	if m.Programs.Peak.Path == "" {
		return nil
	}
	for round := range m.rounds {
		m.Show.Printf("space: %s, %d leases: memory of an ADD", m.place, fill)
		if err := l.Round(ctx, round, func(c *contest.Contestant) error {
			bytes, err := c.AddPeak(m.Programs.Peak)
			if err != nil {
				return err
			}
			m.record(c.Name, peak, fill, bytes)
			_, err = c.DeleteOldest()
			return err
		}); err != nil {
			return err
		}
	}
	return l.Verify(ctx)
}

// memory measures the store that is kept in memory, in this process.
func (m measurement) memory(ctx context.Context, fill int) error {
	before := inUse()
	s := memory.New()
	for first := 0; first < fill; first += chunk {
		if err := s.Update(ctx, func(tx backend.Tx) error { return put(tx, first, min(first+chunk, fill)) }); err != nil {
			return err
		}
	}
	m.record(contest.Memory, heap, fill, max(float64(inUse())-float64(before), 0))
	return s.Close()
}

// chunk is how many leases are put in one transaction.
const chunk = 1_000

// put records leases to the containers from first to, but not including, end.
func put(tx backend.Tx, first, end int) error {
	id := boot.Current().ID
	base := subnet().Addr().As4()
	for c := first; c < end; c++ {
		addr := base
		binary.BigEndian.PutUint32(addr[:], binary.BigEndian.Uint32(base[:])+uint32(c)+2)
		if err := tx.Put(container.Container(c).Lease(netip.AddrFrom4(addr), id)); err != nil {
			return err
		}
	}
	return nil
}

// inUse returns the bytes of memory that are in use, and not only not yet reclaimed.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // what is pooled goes only the second time
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func (m measurement) record(contestant, measure string, fill int, bytes float64) {
	m.results.Add(result.Key{
		FileSystem: m.place, Leases: fill, Contestant: contestant, Measure: measure,
	}, result.Bytes, bytes)
}
