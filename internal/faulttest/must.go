package faulttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/internal/stores"
)

// Sound returns what is wrong with a store: that it does not verify, that a container
// holds some of the addresses of an ADD and not all, or an address out of the pool; or
// that one which it replaced does not say so.
func (n Network) Sound(ctx context.Context) (Holding, error) {
	if err := stores.Verify(ctx, n.Path()); err != nil {
		return nil, err
	}
	if unmarked, err := n.Unmarked(); err != nil {
		return nil, err
	} else if len(unmarked) > 0 {
		return nil, fmt.Errorf("they were replaced, and do not say so: %v", unmarked)
	}
	h, err := n.Holding(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range sorted(h) {
		if !n.whole(h[id]) {
			return nil, fmt.Errorf("%s holds %v, want one of each of %d families", id, h[id], n.Families())
		}
	}
	return h, nil
}

// whole reports whether addrs are what one ADD leases.
func (n Network) whole(addrs []netip.Addr) bool {
	if len(addrs) != n.Families() || !addrs[0].Is4() {
		return false
	}
	return !n.Dual || addrs[1].Is6()
}

// Works does with a store what a node does next, and returns what goes wrong: a
// container that it does not hold gets addresses, and gives them back; what it holds
// is released; then the pool can be leased to its last address, and not further. It
// leaves the store empty.
func (n Network) Works(ctx context.Context) error {
	h, err := n.Sound(ctx)
	if err != nil {
		return err
	}
	if len(h) < n.Size {
		if err := n.Another(h); err != nil {
			return err
		}
	}
	for _, id := range sorted(h) {
		if err := n.Del(id); err != nil {
			return fmt.Errorf("DEL of %s: %w", id, err)
		}
	}
	if h, err = n.Sound(ctx); err != nil {
		return err
	}
	if len(h) > 0 {
		return fmt.Errorf("all was released, and the store holds %v", h)
	}
	return n.exhaust(ctx)
}

// Another has a container of a new name come and go, beside those that hold addresses.
func (n Network) Another(h Holding) error {
	addrs, err := n.Add("another")
	if err != nil {
		return fmt.Errorf("ADD of another container: %w", err)
	}
	for id, held := range h {
		if slices.ContainsFunc(held, func(a netip.Addr) bool { return slices.Contains(addrs, a) }) {
			return fmt.Errorf("ADD leased %v, of which %s holds %v", addrs, id, held)
		}
	}
	if err := n.Del("another"); err != nil {
		return fmt.Errorf("DEL of another container: %w", err)
	}
	return nil
}

// exhaust leases all there is, in an empty store, and releases it.
func (n Network) exhaust(ctx context.Context) error {
	holders := make(map[netip.Addr]string)
	for i := range n.Size {
		id := fmt.Sprintf("all%d", i)
		addrs, err := n.Add(id)
		if err != nil {
			return fmt.Errorf("%d of %d addresses can be leased: %w", i, n.Size, err)
		}
		for _, addr := range addrs {
			if holders[addr] != "" {
				return fmt.Errorf("%s is leased to %s and to %s", addr, holders[addr], id)
			}
			holders[addr] = id
		}
	}
	if addrs, err := n.Add("one-too-many"); Code(err) != exhausted {
		return fmt.Errorf("one more than all %d: want code %d, got %v, %w", n.Size, exhausted, addrs, err)
	}
	for i := range n.Size {
		if err := n.Del(fmt.Sprintf("all%d", i)); err != nil {
			return err
		}
	}
	_, err := n.Sound(ctx)
	return err
}

// exhausted is the code of a pool that has no address left.
const exhausted = 100

// Code returns the code of a CNI error, or 0 if err is none.
func Code(err error) uint {
	var e *types.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
