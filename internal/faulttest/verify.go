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

// Verify verifies the store and returns the addresses that each container holds. It returns
// an error if a container holds only some of the addresses of an ADD, or if a store that
// was replaced is not marked as such.
func (n Network) Verify(ctx context.Context) (Holding, error) {
	if err := stores.Verify(ctx, n.Path()); err != nil {
		return nil, err
	}
	if unmarked, err := n.Unmarked(); err != nil {
		return nil, err
	} else if len(unmarked) > 0 {
		return nil, fmt.Errorf("these stores were replaced and are not marked: %v", unmarked)
	}
	h, err := n.Holding(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range sorted(h) {
		if !n.isComplete(h[id]) {
			return nil, fmt.Errorf("%s holds %v, want one address of each of %d families", id, h[id], n.Families())
		}
	}
	return h, nil
}

// isComplete reports whether addrs are all addresses of one ADD.
func (n Network) isComplete(addrs []netip.Addr) bool {
	if len(addrs) != n.Families() || !addrs[0].Is4() {
		return false
	}
	return !n.Dual || addrs[1].Is6()
}

// Exercise uses the store as a node would and returns the first error. It adds and deletes
// another container, releases everything, and leases the whole pool, to the last address
// and not further. The store is empty afterwards.
func (n Network) Exercise(ctx context.Context) error {
	h, err := n.Verify(ctx)
	if err != nil {
		return err
	}
	if len(h) < n.Size {
		if err := n.AddAndDel(h); err != nil {
			return err
		}
	}
	for _, id := range sorted(h) {
		if err := n.Del(id); err != nil {
			return fmt.Errorf("DEL of %s: %w", id, err)
		}
	}
	if h, err = n.Verify(ctx); err != nil {
		return err
	}
	if len(h) > 0 {
		return fmt.Errorf("everything was released, but the store holds %v", h)
	}
	return n.exhaust(ctx)
}

// AddAndDel adds and deletes a new container. It returns an error if the container gets an
// address of another one in h.
func (n Network) AddAndDel(h Holding) error {
	addrs, err := n.Add("another")
	if err != nil {
		return fmt.Errorf("ADD of another container: %w", err)
	}
	for id, held := range h {
		if slices.ContainsFunc(held, func(a netip.Addr) bool { return slices.Contains(addrs, a) }) {
			return fmt.Errorf("ADD leased %v, but %s holds %v", addrs, id, held)
		}
	}
	if err := n.Del("another"); err != nil {
		return fmt.Errorf("DEL of another container: %w", err)
	}
	return nil
}

// exhaust leases the whole pool of an empty store and releases it.
func (n Network) exhaust(ctx context.Context) error {
	holders := make(map[netip.Addr]string)
	for i := range n.Size {
		id := fmt.Sprintf("all%d", i)
		addrs, err := n.Add(id)
		if err != nil {
			return fmt.Errorf("leased %d of %d addresses: %w", i, n.Size, err)
		}
		for _, addr := range addrs {
			if holders[addr] != "" {
				return fmt.Errorf("%s was leased to %s and to %s", addr, holders[addr], id)
			}
			holders[addr] = id
		}
	}
	if addrs, err := n.Add("one-too-many"); Code(err) != exhausted {
		return fmt.Errorf("ADD to a full pool of %d: want code %d, got %v, %w", n.Size, exhausted, addrs, err)
	}
	for i := range n.Size {
		if err := n.Del(fmt.Sprintf("all%d", i)); err != nil {
			return err
		}
	}
	_, err := n.Verify(ctx)
	return err
}

// exhausted is the error code of an ADD to a full pool.
const exhausted = 100

// Code returns the code of a CNI error, or 0 for any other error.
func Code(err error) uint {
	var e *types.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
