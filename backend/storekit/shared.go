package storekit

import (
	"fmt"
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// CheckMembership returns a [backend.ErrInvalid] with the reason unless
// [backend.Membership.Validate] accepts m.
func CheckMembership(m backend.Membership) error { return invalid(m.Validate()) }

// CheckBlock returns a [backend.ErrInvalid] with the reason unless [backend.Block.Validate]
// accepts b.
func CheckBlock(b backend.Block) error { return invalid(b.Validate()) }

// NotShared returns the [backend.ErrInvalid] for a block of a store that is not shared.
func NotShared(b backend.Block) error {
	return fmt.Errorf("%w: block %s: the store has no membership", backend.ErrInvalid, b)
}

// Overlap returns the [backend.ErrInvalid] for a block that overlaps another.
func Overlap(b, other backend.Block) error {
	return fmt.Errorf("%w: block %s overlaps block %s", backend.ErrInvalid, b, other)
}

// HasBlocks returns the [backend.ErrInvalid] for a membership that ends while there are blocks.
func HasBlocks(b backend.Block) error {
	return fmt.Errorf("%w: the membership cannot end while the host has block %s", backend.ErrInvalid, b)
}

// NotHeld returns a [backend.ErrNotHeld] that names the address.
func NotHeld(addr netip.Addr) error { return fmt.Errorf("%s: %w", addr, backend.ErrNotHeld) }

// Leased returns a [backend.ErrLeased] that names the block and an address in it.
func Leased(b backend.Block, addr netip.Addr) error {
	return fmt.Errorf("block %s has a lease of %s: %w", b, addr, backend.ErrLeased)
}

// NoBlocks iterates over the blocks of a store that has none: it yields only an error that is
// not nil. usable is the error of a transaction that has ended.
func NoBlocks(usable error, from netip.Addr) iter.Seq2[backend.Block, error] {
	return func(yield func(backend.Block, error) bool) {
		if usable == nil {
			usable = CheckFrom(from)
		}
		if usable != nil {
			yield(backend.Block{}, usable)
		}
	}
}

// CheckShared returns a [backend.ErrInvalid] with the reason unless a store can be made with the
// membership and the blocks of c.
func CheckShared(c backend.Content) error {
	if err := CheckMembership(c.Membership); err != nil {
		return err
	}
	for i, b := range c.Blocks {
		if err := CheckBlock(b); err != nil {
			return err
		}
		switch {
		case c.Membership.IsZero():
			return NotShared(b)
		case i > 0 && b.Overlaps(c.Blocks[i-1]):
			return Overlap(b, c.Blocks[i-1])
		case i > 0 && b.First.Less(c.Blocks[i-1].First):
			return fmt.Errorf("%w: block %s comes after %s", backend.ErrInvalid, b, c.Blocks[i-1])
		}
	}
	return nil
}
