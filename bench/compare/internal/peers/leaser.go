package peers

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	ipam "github.com/metal-stack/go-ipam"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/internal/boot"
)

// A Leaser leases addresses in this process. It is safe for concurrent use.
type Leaser interface {
	// Acquire leases one address.
	Acquire(context.Context, allocator.Request) (netip.Addr, error)

	// Release ends the lease of an address, the only one of its owner.
	Release(context.Context, backend.Owner, netip.Addr) error

	// Holders returns the owners of all leases.
	Holders(context.Context) (map[netip.Addr]backend.Owner, error)
}

// NewLeaser returns a peer that can be linked, for the addresses of a subnet. Its store, if
// it is on a disk, is below dir.
func NewLeaser(ctx context.Context, name, dir string, subnet netip.Prefix) (Leaser, error) {
	path, b := filepath.Join(dir, name), boot.Current()
	switch name {
	case Bolt:
		return newLibrary(bolt.Open(path), subnet, b, true)
	case Files:
		return newLibrary(files.Open(path, files.WithBoot(b.ID, b.Started)), subnet, b, false)
	case Memory:
		return newLibrary(memory.New(), subnet, b, true)
	case GoIPAM:
		return newGoIPAM(ctx, subnet)
	case Podman:
		return newPodman(path, subnet), os.MkdirAll(dir, 0o700)
	}
	return nil, fmt.Errorf("%s cannot be linked", name)
}

// A library is this project's allocator on one of its stores.
type library struct {
	store     backend.Store
	subnet    netip.Prefix
	allocator *allocator.Allocator
}

// newLibrary returns the allocator with the plugin's default options.
func newLibrary(store backend.Store, subnet netip.Prefix, b allocator.Boot, releasing bool) (Leaser, error) {
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: subnet})
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
	return library{store, subnet, allocator.New(store, pool, o)}, nil
}

func (l library) Acquire(ctx context.Context, r allocator.Request) (netip.Addr, error) {
	got, err := l.allocator.Allocate(ctx, r)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(got) != 1 || !got[0].Fresh || got[0].Addr.Masked() != l.subnet {
		return netip.Addr{}, fmt.Errorf("want one fresh address of %s, got %v", l.subnet, got)
	}
	return got[0].Addr.Addr(), nil
}

func (l library) Release(ctx context.Context, o backend.Owner, addr netip.Addr) error {
	released, err := allocator.Release(ctx, l.store, o)
	if err == nil && (len(released) != 1 || released[0].Addr != addr) {
		err = fmt.Errorf("want %s released, got %v", addr, released)
	}
	return err
}

func (l library) Holders(ctx context.Context) (map[netip.Addr]backend.Owner, error) {
	return holders(ctx, l.store)
}

// holders returns the owners of all leases in a store.
func holders(ctx context.Context, store backend.Store) (map[netip.Addr]backend.Owner, error) {
	all := make(map[netip.Addr]backend.Owner)
	err := store.View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			all[l.Addr] = l.Owner
		}
		return nil
	})
	return all, err
}

// A goIPAM is one prefix of go-ipam, in memory. go-ipam knows which addresses are taken, but not
// by whom, so a map does. Its lock is optimistic: a caller that meets another sleeps for a
// tenth of a second or longer, and gives up the tenth time. The mutex keeps callers apart.
type goIPAM struct {
	ipam ipam.Ipamer
	cidr string

	mu      sync.Mutex
	holders map[netip.Addr]backend.Owner
}

func newGoIPAM(ctx context.Context, subnet netip.Prefix) (Leaser, error) {
	g := &goIPAM{ipam: ipam.New(ctx), cidr: subnet.String(), holders: make(map[netip.Addr]backend.Owner)}
	if _, err := g.ipam.NewPrefix(ctx, g.cidr); err != nil {
		return nil, err
	}
	_, err := g.ipam.AcquireSpecificIP(ctx, g.cidr, subnet.Addr().Next().String())
	return g, err
}

func (g *goIPAM) Acquire(ctx context.Context, r allocator.Request) (netip.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ip, err := g.ipam.AcquireIP(ctx, g.cidr)
	if err != nil {
		return netip.Addr{}, err
	}
	g.holders[ip.IP] = r.Owner
	return ip.IP, nil
}

func (g *goIPAM) Release(ctx context.Context, o backend.Owner, addr netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if got := g.holders[addr]; got != o {
		return fmt.Errorf("%s is leased to %s", addr, got)
	}
	delete(g.holders, addr)
	return g.ipam.ReleaseIPFromPrefix(ctx, g.cidr, addr.String())
}

func (g *goIPAM) Holders(ctx context.Context) (map[netip.Addr]backend.Owner, error) {
	const reserved = 3 // the first address, the last, and the gateway
	p, err := g.ipam.PrefixFrom(ctx, g.cidr)
	if err != nil {
		return nil, err
	}
	if got, want := p.Usage().AcquiredIPs, uint64(len(g.holders)+reserved); got != want {
		return nil, fmt.Errorf("%d addresses of %s are taken, want %d", got, g.cidr, want)
	}
	return maps.Clone(g.holders), nil
}
