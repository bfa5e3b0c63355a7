package host

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// Sizes of blocks. A range set has about blocksWanted blocks, so that hundreds of hosts can have
// one, but a block has largest4 addresses of IPv4 at most, so that a host does not keep many that it does not
// use, or largest6 of IPv6.
const (
	blocksWanted = 256
	largest4     = 64
	largest6     = 256
)

// fewBlocks is how many blocks of a range set are so few that hosts will probably find none.
const fewBlocks = 8

// A FewError means that a range set would have one block, although smaller ones are possible.
type FewError struct {
	Set     allocator.Set
	Size    uint64 // addresses in its block
	Default uint64 // what Size is unless it is chosen
}

func (e *FewError) Error() string {
	return fmt.Sprintf("all addresses of range set %s would be in one block of %d: the first host would get them, and no other host any, "+
		"and the size never changes; choose a smaller one with --block-size, or leave that out, for blocks of %d", e.Set, e.Size, e.Default)
}

// A SizeError means that a space is to be made again with blocks of another size than this host has of it.
type SizeError struct {
	Block backend.Block // of this host
	Own   uint64        // its addresses
	Size  uint64        // addresses that blocks of the space are to have
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("this host has block %s of the space, with %d addresses, and could not report it to a space with blocks of %d; "+
		"choose --block-size %d, or leave that out", e.Block, e.Own, e.Size, e.Own)
}

// Plan returns what Init makes of the ranges of the configuration, and warnings of range sets that have
// addresses for few hosts. It returns a [FewError] if they have for one alone, and with adopt a [SizeError] for another
// size than this host has already, which is then the default.
func (h *Host) Plan(ctx context.Context, blockSize uint64, adopt bool) (c cluster.Config, warnings []string, err error) {
	c = h.newConfig(blockSize)
	if adopt {
		if err := h.keep(ctx, &c, blockSize); err != nil {
			return c, nil, err
		}
	}
	if err := c.Validate(); err != nil {
		return c, nil, err
	}
	for _, set := range h.config.Pool.Sets() {
		n, err := c.CountBlocks(set, fewBlocks)
		if err != nil {
			return c, nil, err
		}
		size, byDefault := c.Block6, h.defaultSize(false)
		if set.Is4() {
			size, byDefault = c.Block4, h.defaultSize(true)
		}
		switch {
		case n >= fewBlocks:
		case n == 1 && byDefault < size:
			return c, nil, &FewError{set, size, byDefault}
		case n == 1:
			warnings = append(warnings, fmt.Sprintf("range set %s has one block: one host at a time can have addresses of it", set))
		case byDefault < size:
			warnings = append(warnings, fmt.Sprintf("range set %s has %d blocks of %d addresses: no more than %d hosts at a time can have addresses of it; "+
				"without --block-size, blocks have %d", set, n, size, n, byDefault))
		}
	}
	return c, warnings, nil
}

// keep gives c the ID of the space, if this host is a member, and the sizes of the blocks that it has. chosen is the
// size of IPv4 blocks that was asked for, or 0.
func (h *Host) keep(ctx context.Context, c *cluster.Config, chosen uint64) error {
	return h.store.View(ctx, func(tx backend.ReadTx) error {
		m, err := tx.Membership()
		if err != nil || m.Cluster != h.config.Cluster || m.Space != h.Space() {
			return err
		}
		if m.Seen.Space != (backend.Mark{}) {
			c.ID = m.Seen.Space.String()
		}
		for b, err := range tx.Blocks(netip.Addr{}) {
			if err != nil {
				return err
			}
			own := allocator.Span{First: b.First, Last: b.Last}.Size()
			if b.First.Is4() && chosen != 0 && chosen != own {
				return &SizeError{Block: b, Own: own, Size: chosen}
			}
			if b.First.Is4() {
				c.Block4 = own
			} else {
				c.Block6 = own
			}
		}
		return nil
	})
}

// Init makes the space of the network, from the ranges of the configuration. blockSize is how many
// addresses of IPv4 a block has, a power of two; 0: as many as suit the ranges. With adopt, hosts adopt
// their leases before any of them gets more. It returns [ErrLost] without adopt if this host is a member
// already, and [cluster.ErrInUse] if it has leases, and fails as [Host.Plan] does.
func (h *Host) Init(ctx context.Context, blockSize uint64, adopt bool) (cluster.Config, error) {
	c, _, err := h.Plan(ctx, blockSize, adopt)
	if err != nil {
		return c, err
	}
	err = h.Operate(ctx, ManyRequests, func(ctx context.Context, o Operator) error {
		m, err := h.membership(ctx)
		if err == nil && !adopt && m.Cluster == h.config.Cluster && m.Space == o.Space {
			if _, _, err := o.Admin.Space(ctx, o.Space); errors.Is(err, cluster.ErrNoSpace) {
				return fmt.Errorf("%w: space %s", ErrLost, o.Space)
			}
		}
		if err == nil && !adopt && m.IsZero() {
			err = h.checkEmpty(ctx)
		}
		if err != nil {
			return err
		}
		if adopt {
			return o.InitRecovering(ctx, o.Space, c)
		}
		return o.Init(ctx, o.Space, c)
	})
	return c, err
}

// checkEmpty returns [cluster.ErrInUse] if this host has leases of the network: other hosts would get their addresses.
func (h *Host) checkEmpty(ctx context.Context) error {
	return h.store.View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err == nil {
				err = fmt.Errorf("%w: %s", cluster.ErrInUse, l.Addr)
			}
			return err
		}
		return nil
	})
}

// Overlapping returns the name of another space that has addresses of the network, or an empty string.
func (h *Host) Overlapping(ctx context.Context) (other string, err error) {
	err = h.Operate(ctx, 0, func(ctx context.Context, o Operator) error {
		other, err = o.Admin.Overlapping(ctx, o.Space, h.newConfig(0))
		return err
	})
	return other, err
}

func (h *Host) newConfig(blockSize uint64) (c cluster.Config) {
	for _, set := range h.config.Pool.Sets() {
		for _, r := range set.Ranges() {
			c.Ranges = append(c.Ranges, allocator.Span{First: r.First(), Last: r.Last()}.String())
		}
	}
	c.Block4, c.Block6 = h.defaultSize(true), h.defaultSize(false)
	if blockSize != 0 && c.Block4 != 0 {
		c.Block4 = blockSize
	}
	return c
}

// defaultSize returns the size of the blocks of a family, which suits the smallest range set: each
// container gets an address of all sets. It is 0 if no set is of that family.
func (h *Host) defaultSize(is4 bool) (size uint64) {
	largest := uint64(largest6)
	if is4 {
		largest = largest4
	}
	for _, set := range h.config.Pool.Sets() {
		if set.Is4() != is4 {
			continue
		}
		var addrs uint64 // It never gets near its end: more than largest blocks is enough.
		for _, r := range set.Ranges() {
			addrs += min(allocator.Span{First: r.First(), Last: r.Last()}.Size(), blocksWanted*largest)
		}
		n := max(1, addrs/blocksWanted)
		n = min(largest, uint64(1)<<(bits.Len64(n)-1))
		if size == 0 || n < size {
			size = n
		}
	}
	return size
}

// Space returns the name of the space.
func (h *Host) Space() string { return h.config.Space }
