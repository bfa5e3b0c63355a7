package storm

import (
	"context"
	"fmt"
	"slices"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// settle returns what is wrong after a storm: with what the store holds, with what was
// said in the storm, or with what the store does from now on. It releases everything.
func (g *register) settle(ctx context.Context) error {
	h, err := g.network.Verify(ctx)
	if err != nil {
		return err
	}
	if err := g.compare(h); err != nil {
		return err
	}
	if err := g.rightlyRefused(); err != nil {
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
		return fmt.Errorf("all was released, and the store holds %v", h)
	}
	return g.network.Exercise(ctx)
}

// compare compares what the store holds with what the containers were promised.
func (g *register) compare(h faulttest.Holding) error {
	known := 0
	for _, c := range g.all {
		addrs, there := h[c.id]
		if there {
			known++
		}
		switch {
		case c.fate == held && !slices.Equal(addrs, c.addrs):
			return fmt.Errorf("%s was given %v, and holds %v", c.id, c.addrs, addrs)
		case c.fate == absent && there:
			return fmt.Errorf("%s was released, or got nothing, and holds %v", c.id, addrs)
		case c.fate != held && there:
			g.report.Left++
		}
	}
	if known != len(h) {
		return fmt.Errorf("there are containers that nobody has added: %v", h)
	}
	return nil
}

// rightlyRefused returns an error if an ADD found no address left while, at every
// moment, there must have been one.
func (g *register) rightlyRefused() error {
	holding := slices.Clone(g.holding)
	for _, c := range g.all {
		if c.fate != absent {
			holding = append(holding, span{c.since, g.clock})
		}
	}
	load := make([]int, g.clock+2) // by time: how many may have held addresses
	for _, s := range holding {
		load[s.from]++
		load[s.to+1]--
	}
	for i := range load[1:] {
		load[i+1] += load[i]
	}
	for _, s := range g.refused {
		if most := slices.Max(load[s.from : s.to+1]); most < g.network.Size {
			return fmt.Errorf("an ADD found no address left, of %d, when at most %d can have been leased", g.network.Size, most)
		}
	}
	return nil
}
