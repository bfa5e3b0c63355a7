package host

import (
	"context"
	"math/bits"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/cluster"
)

// Sizes of blocks. A range of IPv4 has about blocksWanted blocks, so that hundreds of hosts can have
// one, but a block has largest4 addresses at most, so that a host does not keep many that it does not
// use. There are always enough of IPv6.
const (
	blocksWanted = 256
	largest4     = 64
	size6        = 256
)

// Init makes the space of the network, from the ranges of the configuration. blockSize is how many
// addresses of IPv4 a block has, a power of two; 0: as many as suit the ranges. With adopt, hosts adopt
// their leases before any of them gets more.
func (h *Host) Init(ctx context.Context, blockSize uint64, adopt bool) (cluster.Config, error) {
	c := h.newConfig(blockSize)
	err := h.Operate(ctx, ManyRequests, func(ctx context.Context, o Operator) error {
		if adopt {
			return o.InitRecovering(ctx, o.Space, c)
		}
		return o.Init(ctx, o.Space, c)
	})
	return c, err
}

func (h *Host) newConfig(blockSize uint64) (c cluster.Config) {
	var addrs uint64
	for _, set := range h.config.Pool.Sets() {
		for _, r := range set.Ranges() {
			span := allocator.Span{First: r.First(), Last: r.Last()}
			c.Ranges = append(c.Ranges, span.String())
			if set.Is4() {
				addrs += span.Size()
			} else {
				c.Block6 = size6
			}
		}
	}
	switch {
	case addrs == 0:
	case blockSize != 0:
		c.Block4 = blockSize
	default:
		c.Block4 = defaultSize(addrs)
	}
	return c
}

// defaultSize returns the size of the blocks of a space with so many addresses of IPv4.
func defaultSize(addrs uint64) uint64 {
	n := addrs / blocksWanted
	if n == 0 {
		return 1
	}
	return min(largest4, uint64(1)<<(bits.Len64(n)-1))
}

// Space returns the name of the space.
func (h *Host) Space() string { return h.config.Space }
