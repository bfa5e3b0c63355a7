package inprocess

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/podman"
	"github.com/leasehold/leasehold/internal/boot"
)

// A leaser is a way to lease addresses that is linked into this process. Goroutines
// share it.
type leaser interface {
	// Acquire leases one address.
	Acquire(context.Context, allocator.Request) (netip.Addr, error)

	// Release ends the lease of an address, which is all that its owner holds.
	Release(context.Context, backend.Owner, netip.Addr) error

	// Holders returns by address the containers that hold them.
	Holders(context.Context) (map[netip.Addr]string, error)
}

// newLeaser returns the leaser of a contestant, whose store, if it is on a disk, is
// below dir.
func newLeaser(ctx context.Context, name, dir string) (leaser, error) {
	path, b := filepath.Join(dir, name), boot.Current()
	switch name {
	case contest.Bolt:
		return newLibrary(bolt.Open(path), b, true)
	case contest.Files:
		store, err := files.Open(path, files.WithBoot(b.ID, b.Started))
		if err != nil {
			return nil, err
		}
		return newLibrary(store, b, false)
	case contest.Memory:
		return newLibrary(memory.New(), b, true)
	case contest.GoIPAM:
		return newGoIPAM(ctx)
	case contest.Podman:
		return podmans{podman.Open(path, subnet())}, os.MkdirAll(dir, 0o700)
	}
	return nil, fmt.Errorf("%s cannot be linked", name)
}

// A library is this project's allocator on one of its stores.
type library struct {
	store     backend.Store
	allocator *allocator.Allocator
}

// newLibrary returns the allocator with the options that the plugin has by itself: that
// of releasing what an earlier boot left, where a store has it, looks at the boot for
// each lease.
func newLibrary(store backend.Store, b allocator.Boot, releasing bool) (leaser, error) {
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: subnet()})
	if err != nil {
		return nil, err
	}
	set, err := allocator.NewSet(r)
	if err != nil {
		return nil, err
	}
	pool, err := allocator.NewPool(set)
	if err != nil {
		return nil, err
	}
	o := allocator.Options{Boot: b, ReleaseEarlierBoots: releasing}
	return library{store, allocator.New(store, pool, o)}, nil
}

func (l library) Acquire(ctx context.Context, r allocator.Request) (netip.Addr, error) {
	got, err := l.allocator.Allocate(ctx, r)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(got) != 1 || !got[0].Fresh || got[0].Addr.Masked() != subnet() {
		return netip.Addr{}, fmt.Errorf("want one fresh address of %s, got %v", subnet(), got)
	}
	return got[0].Addr.Addr(), nil
}

func (l library) Release(ctx context.Context, o backend.Owner, addr netip.Addr) error {
	released, err := allocator.Release(ctx, l.store, o)
	if err != nil {
		return err
	}
	if len(released) != 1 || released[0].Addr != addr {
		return fmt.Errorf("want %s released, got %v", addr, released)
	}
	return nil
}

func (l library) Holders(ctx context.Context) (map[netip.Addr]string, error) {
	holders := make(map[netip.Addr]string)
	err := l.store.View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			holders[l.Addr] = l.Owner.ContainerID
		}
		return nil
	})
	return holders, err
}

// podmans is leases in the layout of Podman's, which knows no contexts, and of a
// container its ID only.
type podmans struct{ *podman.Store }

func (p podmans) Acquire(_ context.Context, r allocator.Request) (netip.Addr, error) {
	return p.Store.Acquire(r.Owner.ContainerID)
}

func (p podmans) Release(_ context.Context, o backend.Owner, _ netip.Addr) error {
	return p.Store.Release(o.ContainerID)
}

func (p podmans) Holders(context.Context) (map[netip.Addr]string, error) { return p.Leases() }
