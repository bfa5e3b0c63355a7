package main

import (
	"context"
	"runtime"

	"github.com/leasehold/leasehold/bench/compare/internal/report"
)

// A match is the comparison of some contestants at one fill.
type match struct {
	fill        int
	contestants lineup
	results     *report.Results
	show        progress
}

// warmUps is how many rounds are not counted. The first run of a program reads it
// from the disk, and the first few of a plugin the store.
const warmUps = 3

func (m *match) play(ctx context.Context, rounds int) error {
	if err := m.prepare(ctx); err != nil {
		return err
	}
	for round := range warmUps {
		m.show.printf("%d leases: warming up", m.fill)
		if err := m.round(ctx, round, m.ignore); err != nil {
			return err
		}
	}
	if err := m.weigh(); err != nil {
		return err
	}
	for round := range rounds {
		m.show.printf("%d leases: round %d of %d", m.fill, round+1, rounds)
		if err := m.round(ctx, round, m.record); err != nil {
			return err
		}
	}
	return m.each(func(c *contestant) error { return c.store.Verify(ctx) })
}

// prepare fills the stores.
func (m *match) prepare(ctx context.Context) error {
	err := m.each(func(c *contestant) error {
		if c.empty {
			return nil
		}
		m.show.printf("%d leases: filling the store of %s", m.fill, c.name)
		return c.store.Grow(ctx, m.fill)
	})
	runtime.GC() // of what filling has left, so that none falls into a round
	return err
}

// weigh records what the stores occupy on the disk.
func (m *match) weigh() error {
	return m.each(func(c *contestant) error {
		if c.empty {
			return nil
		}
		bytes, err := c.store.OnDisk()
		m.results.Space = append(m.results.Space, report.Space{Fill: m.fill, Contestant: c.name, Bytes: bytes})
		return err
	})
}

// each calls fn for every contestant that has a store.
func (m *match) each(fn func(*contestant) error) error {
	for _, c := range m.contestants {
		if c.store == nil {
			continue
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}

// round gives every contestant its turn.
func (m *match) round(ctx context.Context, n int, keep func(*contestant, turn)) error {
	for _, i := range order(len(m.contestants), n) {
		if err := ctx.Err(); err != nil {
			return err
		}
		syncAll()
		c := m.contestants[i]
		t, err := c.turn()
		if err != nil {
			return err
		}
		keep(c, t)
	}
	return nil
}

func (m *match) ignore(*contestant, turn) {}

func (m *match) record(c *contestant, t turn) {
	for i, command := range commands {
		m.results.Add(m.fill, c.name, command, t[i])
	}
}

// order returns the order of n turns in a round. Two rounds each begin with the
// same contestant, the second of them backwards: so everybody's places come out
// even, and nobody always follows the same other, whose traces are in the caches of
// the machine.
func order(n, round int) []int {
	turns := make([]int, n)
	for i := range turns {
		step := i
		if round%2 == 1 {
			step = n - i
		}
		turns[i] = (round/2 + step) % n
	}
	return turns
}
