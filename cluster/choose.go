package cluster

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/allocator"
)

// pageLen is how many blocks are looked at together. A range of keys is bounded by its ends and
// not by a limit, because etcd counts all keys after a limit.
const pageLen = 256

// maxBlocks is how many blocks of one range are used: of a /64, whose blocks no host could ever
// hold, only the first ones, so that their keys are near each other.
const maxBlocks = 1 << 16

// A candidates is the blocks of a space in which addresses of a set can be leased.
type candidates struct {
	config Config
	set    allocator.Set
	runs   []blockRun
	n      uint64
}

// A blockRun is n blocks, one after the other.
type blockRun struct {
	first netip.Addr
	size  uint64 // addresses in each
	n     uint64
}

// newCandidates returns the blocks that have leasable addresses of the set and are in the space.
func newCandidates(c Config, set allocator.Set) (candidates, error) {
	all := candidates{config: c, set: set}
	if err := c.CheckSet(set); err != nil {
		return all, err
	}
	spans, err := c.spans()
	if err != nil {
		return all, err
	}
	for _, of := range spans {
		for _, r := range set.Ranges() {
			span := of.Intersect(allocator.Span{First: r.First(), Last: r.Last()})
			if span == (allocator.Span{}) {
				continue
			}
			first, err := c.BlockOf(span.First)
			if err != nil {
				return all, err
			}
			size := c.sizeOf(span.First)
			n := min(maxBlocks, (distance(first.First, span.Last)/size)+1)
			all.runs = append(all.runs, blockRun{first.First, size, n})
			all.n += n
		}
	}
	return all, nil
}

// CheckSet returns [ErrOutside] if an address of the set can be leased that is not in the ranges of the
// space: a block can have such addresses at its ends, and what else has them is not known.
func (c Config) CheckSet(set allocator.Set) error {
	spans, err := c.spans()
	if err != nil {
		return err
	}
	slices.SortFunc(spans, func(a, b allocator.Span) int { return a.First.Compare(b.First) })
	for _, r := range set.Ranges() {
		for _, leasable := range r.Spans() {
			at, done := leasable.First, false // what is before is in the space
			for _, s := range spans {
				if !done && s.Contains(at) {
					done = s.Contains(leasable.Last)
					at = s.Last.Next()
				}
			}
			if !done {
				return fmt.Errorf("%w: %s of range set %s is not in the ranges of the space, which are %v", ErrOutside, at, set, c.Ranges)
			}
		}
	}
	return nil
}

// at returns the candidate with the given number, below n. Two ranges can have a block in common,
// which then has two numbers.
func (c candidates) at(i uint64) allocator.Span {
	for _, r := range c.runs {
		if i < r.n {
			first := plus(r.first, i*r.size)
			return allocator.Span{First: first, Last: plus(first, r.size-1)}
		}
		i -= r.n
	}
	return allocator.Span{}
}

// CountBlocks returns how many blocks have leasable addresses of the set, at most limit: as many hosts can
// have an address of it at once.
func (c Config) CountBlocks(set allocator.Set, limit int) (n int, err error) {
	all, err := newCandidates(c, set)
	seen := make(map[netip.Addr]bool)
	for i := uint64(0); err == nil && i < all.n && len(seen) < limit; i++ {
		if block := all.at(i); isUseful(set, block) {
			seen[block.First] = true
		}
	}
	return len(seen), err
}

// isUseful reports whether a block has a leasable address of the set.
func isUseful(set allocator.Set, block allocator.Span) bool {
	for _, r := range set.Ranges() {
		for _, span := range r.Spans() {
			if span.Intersect(block) != (allocator.Span{}) {
				return true
			}
		}
	}
	return false
}

// distance returns b minus a, at most [math.MaxUint64]. b must not be before a.
func distance(a, b netip.Addr) uint64 {
	if n := (allocator.Span{First: a, Last: b}).Size(); n != math.MaxUint64 {
		return n - 1
	}
	return math.MaxUint64
}

// plus returns addr plus n.
func plus(addr netip.Addr, n uint64) netip.Addr {
	b := addr.AsSlice()
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		n += uint64(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	sum, _ := netip.AddrFromSlice(b) // It has the length of an address.
	return sum
}
