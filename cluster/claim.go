package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// maxRequested is how many blocks a request can concern. With the record of the host, and two
// operations for each block, they are [MaxOps] along the longest way.
const maxRequested = MaxOps - 3

// A Want says which blocks a host asks for.
type Want struct {
	// Set is the range set whose addresses are wanted.
	Set allocator.Set

	// Blocks is how many blocks are wanted; at least one of them can be had if Claim succeeds.
	Blocks int

	// Addr, unless zero, is an address that must be in the block.
	Addr netip.Addr
}

// Claim gets blocks for the host: at least one for each want. It returns those that it has got. If
// all blocks of a set are held, it returns [ErrNoBlocks], and what it has got for other sets stays.
//
// Blocks are chosen at random, so that hosts that claim at the same time seldom choose the same;
// one that was lost to another host is replaced by another.
func (m *Member) Claim(ctx context.Context, wants ...Want) (got []backend.Block, err error) {
	wants = slices.Clone(wants)
	for attempt := range maxAttempts {
		local, v, known := backend.Membership{}, view{}, false
		if attempt == 0 {
			local, v, known = m.recall(ctx)
		}
		if !known {
			if local, v, err = m.attested(ctx); err != nil {
				return got, err
			}
			if v.ours, err = m.ourBlocks(ctx); err != nil {
				return got, err
			}
		}
		chosen, err := m.choose(ctx, local, &v, wants)
		if err != nil {
			return got, err
		}
		more, err := m.claim(ctx, local, v, chosen)
		if err != nil && !errors.Is(err, errChanged) {
			return got, err
		}
		got = append(got, more...)
		wants = slices.DeleteFunc(wants, func(w Want) bool { return w.isMet(got) })
		if len(wants) == 0 {
			return got, nil
		}
	}
	return got, fmt.Errorf("%w: other hosts were faster, again and again", backend.ErrBusy)
}

// isMet reports whether some block is for the set.
func (w Want) isMet(got []backend.Block) bool {
	return slices.ContainsFunc(got, func(b backend.Block) bool {
		return isUseful(w.Set, allocator.Span{First: b.First, Last: b.Last}) && (!w.Addr.IsValid() || b.Contains(w.Addr))
	})
}

// claim asks for the chosen blocks and returns those that were granted.
func (m *Member) claim(ctx context.Context, local backend.Membership, v view, chosen []allocator.Span) (got []backend.Block, err error) {
	_, got, err = m.decide(ctx, local, v, claiming, func(tx backend.SharedTx, mark backend.Mark) (blocks []backend.Block, err error) {
		for _, span := range chosen {
			b := backend.Block{First: span.First, Last: span.Last, State: backend.Requested, Mark: mark}
			if err := tx.PutBlock(b); err != nil {
				return nil, err
			}
			blocks = append(blocks, b)
		}
		return blocks, nil
	})
	return got, err
}

// choose chooses blocks that no host seems to hold. In v it changes which ones are ours, and which are free.
func (m *Member) choose(ctx context.Context, local backend.Membership, v *view, wants []Want) ([]allocator.Span, error) {
	var chosen []allocator.Span
	for _, w := range wants {
		all, err := newCandidates(v.config, w.Set)
		if err != nil {
			return nil, err
		}
		c := chooser{Member: m, candidates: all, keys: m.keys(local), view: v}
		n := min(w.Blocks, maxRequested-len(chosen))
		if w.Addr.IsValid() {
			err = c.with(ctx, w.Addr)
		} else {
			err = c.some(ctx, max(1, n))
		}
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, c.chosen...)
	}
	return chosen, nil
}

func (m *Member) ourBlocks(ctx context.Context) (ours map[netip.Addr]bool, err error) {
	err = m.store.View(ctx, func(tx backend.ReadTx) error {
		ours, err = blocksOf(tx)
		return err
	})
	return ours, err
}

// blocksOf returns the first addresses of the blocks of this host.
func blocksOf(tx backend.ReadTx) (ours map[netip.Addr]bool, err error) {
	blocks, err := backend.Blocks(tx)
	ours = make(map[netip.Addr]bool, len(blocks))
	for _, b := range blocks {
		ours[b.First] = true
	}
	return ours, err
}

// A chooser chooses among the candidates of one set.
type chooser struct {
	*Member
	candidates
	keys   keys
	view   *view
	chosen []allocator.Span
}

// take chooses a block.
func (c *chooser) take(block allocator.Span) {
	c.chosen = append(c.chosen, block)
	c.view.ours[block.First] = true // Ranges, and sets, can have a block in common.
}

// with chooses the block that contains addr.
func (c *chooser) with(ctx context.Context, addr netip.Addr) error {
	span, err := c.config.BlockOf(addr)
	if err != nil {
		return err
	}
	free, err := c.free(ctx, span, 1)
	if err == nil && len(free) == 0 {
		err = fmt.Errorf("%w: the block of %s", ErrNoBlocks, addr)
	}
	for _, block := range free {
		c.take(block)
	}
	return err
}

// some chooses up to n blocks, all of one page if that has enough. If this host has seen free ones lately, it
// does not look for others.
func (c *chooser) some(ctx context.Context, n int) error {
	c.recalled(n)
	if len(c.chosen) == n {
		return nil
	}
	pages := c.pages()
	if len(pages) == 0 {
		return fmt.Errorf("range set %s has no address of the space: the ranges of the space are %v", c.set, c.config.Ranges)
	}
	from := c.opts.Random(uint64(len(pages)))
	for i := range uint64(len(pages)) {
		p := pages[(from+i)%uint64(len(pages))]
		free, err := c.free(ctx, c.at(p.from), p.n)
		if err != nil {
			return err
		}
		lasting := uint64(len(free)) > p.n/2
		for len(free) > 0 && len(c.chosen) < n {
			c.take(c.draw(&free))
		}
		for k := 0; lasting && k < maxRecalled && len(free) > 0; k++ {
			c.view.free = append(c.view.free, c.draw(&free).First)
		}
		if len(c.chosen) == n {
			return nil
		}
	}
	if len(c.chosen) == 0 {
		return fmt.Errorf("%w: %s", ErrNoBlocks, c.set)
	}
	return nil
}

// draw takes a random block out of blocks.
func (c *chooser) draw(blocks *[]allocator.Span) allocator.Span {
	i := c.opts.Random(uint64(len(*blocks)))
	block := (*blocks)[i]
	*blocks = slices.Delete(*blocks, int(i), int(i)+1)
	return block
}

// maxRecalled is how many free blocks of a page this host recalls for its next claims. It recalls none of a
// page of which half is held: other hosts may have claimed them before it does.
const maxRecalled = 16

// recalled chooses up to n blocks that this host recalls as free.
func (c *chooser) recalled(n int) {
	c.view.free = slices.DeleteFunc(c.view.free, func(first netip.Addr) bool {
		block, err := c.config.BlockOf(first)
		if err != nil || block.First != first || c.view.ours[first] {
			return true
		}
		useful := len(c.chosen) < n && isUseful(c.set, block)
		if useful {
			c.take(block)
		}
		return useful
	})
}

// A page is n candidates, one after the other.
type page struct{ from, n uint64 }

func (c *chooser) pages() (all []page) {
	from := uint64(0)
	for _, r := range c.runs {
		for i := uint64(0); i < r.n; i += pageLen {
			all = append(all, page{from + i, min(pageLen, r.n-i)})
		}
		from += r.n
	}
	return all
}

// free returns the useful blocks, of the n from first on, that no host seems to hold. It
// does no harm if that is not true any more: the claim decides.
func (c *chooser) free(ctx context.Context, first allocator.Span, n uint64) (free []allocator.Span, err error) {
	size := c.config.sizeOf(first.First)
	last := plus(first.First, (n-1)*size)
	entries, err := c.engine.Range(ctx, c.keys.block(first.First), c.keys.block(last)+"\x00", true)
	if err != nil {
		return nil, err
	}
	taken := make(map[string]bool, len(entries))
	for _, e := range entries {
		taken[e.Key] = true
	}
	for i := range n {
		at := plus(first.First, i*size)
		block := allocator.Span{First: at, Last: plus(at, size-1)}
		if !taken[c.keys.block(at)] && !c.view.ours[at] && isUseful(c.set, block) {
			free = append(free, block)
		}
	}
	return free, nil
}

// GiveBack gives blocks back in which nothing is leased or withheld, but keeps the given number of each family.
// It returns those that it has decided to give back. From the moment that it has decided on a block nothing is
// leased from it, whether or not the engine learns of that.
func (m *Member) GiveBack(ctx context.Context, keep int) (given []backend.Block, err error) {
	local, v, err := m.attested(ctx) // A copy of a store does not know what is leased by now.
	if err != nil {
		return nil, err
	}
	given, _, err = m.decide(ctx, local, v, releasing, func(tx backend.SharedTx, mark backend.Mark) ([]backend.Block, error) {
		blocks, err := m.unused(tx, keep)
		if err != nil {
			return nil, err
		}
		if len(blocks) == 0 {
			return nil, errNothing
		}
		for i := range blocks {
			blocks[i].State, blocks[i].Mark = backend.Closing, mark
			if err := tx.PutBlock(blocks[i]); err != nil {
				return nil, err
			}
		}
		return blocks, nil
	})
	if errors.Is(err, errNothing) || errors.Is(err, errChanged) {
		return nil, nil // There will be another occasion.
	}
	return given, err
}

var errNothing = errors.New("there is nothing to give back")

// unused returns the open blocks without leases and addresses that are withheld, at most maxRequested, but for the
// first of each family.
func (m *Member) unused(tx backend.SharedTx, keep int) (blocks []backend.Block, err error) {
	kept := map[bool]int{}
	for b, err := range tx.Blocks(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		if b.State != backend.Open {
			continue
		}
		if leased, err := hasLease(tx, b); err != nil || leased {
			if err != nil {
				return nil, err
			}
			continue
		}
		until, err := m.opts.Cooldown.WithheldUntil(tx, allocator.Span{First: b.First, Last: b.Last}, m.opts.Now())
		if err != nil {
			return nil, err
		}
		if !until.IsZero() {
			continue
		}
		if kept[b.First.Is4()] < keep {
			kept[b.First.Is4()]++
			continue
		}
		if blocks = append(blocks, b); len(blocks) == maxRequested {
			break
		}
	}
	return blocks, nil
}

func hasLease(tx backend.ReadTx, b backend.Block) (bool, error) {
	for l, err := range tx.Leases(b.First) {
		return err == nil && b.Contains(l.Addr), err
	}
	return false, nil
}
