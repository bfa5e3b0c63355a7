package host

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// Kept is what [Host.Keep] has done.
type Kept struct {
	Got, Given []backend.Block
	Wanted     bool // another host has found no free block
}

// Keep does what is to be done now and then: it has this host attested, compares what it holds with
// what the servers know, gets as many unused blocks as the settings say, and gives back those
// beyond. If another host finds no free block, it keeps none that is unused.
func (h *Host) Keep(ctx context.Context) (k Kept, err error) {
	err = h.exclusively(ctx, func(ctx context.Context, _ int) error {
		if err := h.attest(ctx); err != nil {
			return err
		}
		if err := h.checkRanges(ctx); err != nil {
			return err
		}
		if err := h.member.Audit(ctx); err != nil {
			return err
		}
		var err error
		if k.Wanted, err = h.member.IsWanted(ctx); err != nil {
			return err
		}
		blocks, err := h.blocks(ctx)
		if err != nil {
			return err
		}
		if k.Wanted {
			k.Given, err = h.member.GiveBack(ctx, 0)
			return err
		}
		keep := max(h.ahead(blocks, true), h.ahead(blocks, false))
		if k.Given, err = h.member.GiveBack(ctx, keep); err != nil {
			return err
		}
		wants, err := h.wantsAhead(ctx, blocks)
		if err != nil || len(wants) == 0 {
			return err
		}
		got, err := h.member.Claim(ctx, wants...)
		k.Got = append(k.Got, got...)
		if errors.Is(err, cluster.ErrNoBlocks) {
			return nil // The space is full, and this host has what it needs.
		}
		return err
	})
	return k, err
}

// ReleaseUnused gives back all blocks in which nothing is leased if another host finds no free block.
func (h *Host) ReleaseUnused(ctx context.Context) (given []backend.Block, err error) {
	asking, cancel := context.WithTimeout(ctx, h.settings.Timeout)
	defer cancel()
	wanted, err := h.member.IsWanted(asking) // Without the lock: it is asked often.
	if errors.Is(err, cluster.ErrNotMember) {
		return nil, nil // It has none.
	}
	if err != nil || !wanted {
		return nil, h.inHand(ctx, err)
	}
	return h.GiveBack(ctx, 0)
}

// wantsAhead returns what is missing of the unused blocks that this host keeps for each range set.
func (h *Host) wantsAhead(ctx context.Context, blocks []backend.Block) (wants []cluster.Want, err error) {
	unused, err := h.unused(ctx)
	if err != nil {
		return nil, err
	}
	for _, set := range h.config.Pool.Sets() {
		missing := h.ahead(blocks, set.Is4())
		for _, b := range unused {
			if overlaps(set, b) {
				missing--
			}
		}
		if missing > 0 {
			wants = append(wants, cluster.Want{Set: set, Blocks: missing})
		}
	}
	return wants, nil
}

// Ahead returns how many blocks of each range set an agent gets for this host beyond those that it needs.
func (h *Host) Ahead(ctx context.Context) (most int, err error) {
	blocks, err := h.blocks(ctx)
	for _, set := range h.config.Pool.Sets() {
		most = max(most, h.ahead(blocks, set.Is4()))
	}
	return most, err
}

// A Withheld is a block that cannot be given back yet, because other hosts would lease its addresses too early.
type Withheld struct {
	backend.Block
	Until time.Time
}

// Withheld returns the blocks in which nothing is leased and addresses are withheld.
func (h *Host) Withheld(ctx context.Context) (all []Withheld, err error) {
	blocks, err := h.unused(ctx)
	if err != nil {
		return nil, err
	}
	err = h.store.View(ctx, func(tx backend.ReadTx) error {
		all = nil
		for _, b := range blocks {
			until, err := h.config.Cooldown.WithheldUntil(tx, allocator.Span{First: b.First, Last: b.Last}, time.Now())
			if err != nil {
				return err
			}
			if !until.IsZero() {
				all = append(all, Withheld{b, until})
			}
		}
		return nil
	})
	return all, err
}

// unused returns the open blocks in which nothing is leased.
func (h *Host) unused(ctx context.Context) (blocks []backend.Block, err error) {
	err = h.store.View(ctx, func(tx backend.ReadTx) error {
		all, err := backend.Blocks(tx)
		if err != nil {
			return err
		}
		blocks = nil
		for _, b := range all {
			used, err := countLeases(tx, b, 1)
			if err != nil {
				return err
			}
			if b.State == backend.Open && used == 0 {
				blocks = append(blocks, b)
			}
		}
		return nil
	})
	return blocks, err
}

// countLeases returns how many leases are in the block, or most if there are more.
func countLeases(tx backend.ReadTx, b backend.Block, most uint64) (n uint64, err error) {
	for l, err := range tx.Leases(b.First) {
		if err != nil {
			return n, err
		}
		if n == most || !b.Contains(l.Addr) {
			break
		}
		n++
	}
	return n, nil
}

// overlaps reports whether the set has an address in the block.
func overlaps(set allocator.Set, b backend.Block) bool {
	return slices.ContainsFunc(set.Ranges(), func(r allocator.Range) bool {
		return b.Overlaps(backend.Block{First: r.First(), Last: r.Last()})
	})
}

// A State is how this host is in the space of a network, by its store alone.
type State struct {
	Membership backend.Membership
	Confirmed  bool // it may lease in this boot
	Blocks     map[backend.BlockState]int

	// Addresses counts the addresses of IPv4 in open blocks, and Leased the leased ones among them.
	// IPv6 is not counted, because its blocks are never full.
	Addresses, Leased uint64
}

// State returns how this host is in the space.
func (h *Host) State(ctx context.Context) (s State, err error) {
	err = h.store.View(ctx, func(tx backend.ReadTx) error {
		s = State{Blocks: make(map[backend.BlockState]int)}
		if s.Membership, err = tx.Membership(); err != nil {
			return err
		}
		s.Confirmed = h.isConfirmed(s.Membership)
		all, err := backend.Blocks(tx)
		if err != nil {
			return err
		}
		open := all[:0:0]
		for _, b := range all {
			s.Blocks[b.State]++
			if b.State == backend.Open {
				open = append(open, b)
				if b.First.Is4() {
					s.Addresses += sizeOf(b)
				}
			}
		}
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			if l.Addr.Is4() && holds(open, l.Addr) {
				s.Leased++
			}
		}
		return nil
	})
	return s, err
}

// Network returns the name of the network.
func (h *Host) Network() string { return h.config.Name }
