package storm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// verify checks the store after a storm: what it holds, the answers given, and that it can
// still be used. It releases all leases.
func (g *oracle) verify(ctx context.Context) error {
	h, err := g.network.Verify(ctx)
	if err != nil {
		return err
	}
	if err := g.compare(h); err != nil {
		return err
	}
	if err := g.checkExhausted(); err != nil {
		return err
	}
	for _, c := range g.all {
		if err := g.network.Del(c.id); err != nil {
			return fmt.Errorf("DEL of %s after the storm: %w", c.id, err)
		}
	}
	if h, err = g.network.Verify(ctx); err != nil {
		return err
	}
	if len(h) > 0 {
		return fmt.Errorf("everything was released, but the store holds %v", h)
	}
	return g.network.Exercise(ctx)
}

// compare compares the holding with what the containers were answered.
func (g *oracle) compare(h faulttest.Holding) error {
	known := 0
	for _, c := range g.all {
		addrs, there := h[c.id]
		if there {
			known++
		}
		switch {
		case c.leaseState == held && !slices.Equal(addrs, c.addrs):
			return fmt.Errorf("%s was answered %v, but holds %v; %s", c.id, c.addrs, addrs, g.story(c))
		case c.leaseState == absent && there:
			return fmt.Errorf("%s was released or never got an address, but holds %v; %s", c.id, addrs, g.story(c))
		case c.leaseState != held && there:
			g.report.Left++
		}
	}
	if known != len(h) {
		return fmt.Errorf("the store has containers that were never added: %v", h)
	}
	return nil
}

// story says what a container was answered, and when.
func (g *oracle) story(c *container) string {
	return fmt.Sprintf("its operations: %s; migrations ended at %v", strings.Join(c.answers, "; "), g.migrations)
}

// checkExhausted returns an error if an ADD found no free address although there must have
// been one all the time.
func (g *oracle) checkExhausted() error {
	holding := slices.Clone(g.holding)
	for _, c := range g.all {
		if c.leaseState != absent {
			holding = append(holding, span{c.since, g.clock})
		}
	}
	load := make([]int, g.clock+2) // by time: the number of containers that may have held addresses
	for _, s := range holding {
		load[s.from]++
		load[s.to+1]--
	}
	for i := range load[1:] {
		load[i+1] += load[i]
	}
	for _, s := range g.refused {
		if most := slices.Max(load[s.from : s.to+1]); most < g.network.Size {
			return fmt.Errorf("an ADD found no free address of %d, but at most %d can have been leased", g.network.Size, most)
		}
	}
	return nil
}
