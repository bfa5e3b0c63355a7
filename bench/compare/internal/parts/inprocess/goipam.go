package inprocess

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync"

	ipam "github.com/metal-stack/go-ipam"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// A goIPAM is the addresses of one prefix of go-ipam, in memory.
//
// It knows which addresses are taken, and not by whom: that is for its user to keep. It
// has an optimistic lock: whoever has met somebody else waits, for a tenth of a second and
// then for longer, and the tenth time gives up. With a mutex around it nobody meets anybody.
type goIPAM struct {
	ipam ipam.Ipamer
	cidr string

	mu      sync.Mutex
	holders map[netip.Addr]string
}

// takenByItself is how many addresses nobody can have: the first, the last, and the gateway.
const takenByItself = 3

func newGoIPAM(ctx context.Context) (leaser, error) {
	g := &goIPAM{ipam: ipam.New(ctx), cidr: subnet().String(), holders: make(map[netip.Addr]string)}
	if _, err := g.ipam.NewPrefix(ctx, g.cidr); err != nil {
		return nil, err
	}
	_, err := g.ipam.AcquireSpecificIP(ctx, g.cidr, subnet().Addr().Next().String())
	return g, err
}

func (g *goIPAM) Acquire(ctx context.Context, r allocator.Request) (netip.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ip, err := g.ipam.AcquireIP(ctx, g.cidr)
	if err != nil {
		return netip.Addr{}, err
	}
	g.holders[ip.IP] = r.Owner.ContainerID
	return ip.IP, nil
}

func (g *goIPAM) Release(ctx context.Context, o backend.Owner, addr netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if got := g.holders[addr]; got != o.ContainerID {
		return fmt.Errorf("%s is leased to %q", addr, got)
	}
	delete(g.holders, addr)
	return g.ipam.ReleaseIPFromPrefix(ctx, g.cidr, addr.String())
}

func (g *goIPAM) Holders(ctx context.Context) (map[netip.Addr]string, error) {
	p, err := g.ipam.PrefixFrom(ctx, g.cidr)
	if err != nil {
		return nil, err
	}
	if got, want := p.Usage().AcquiredIPs, uint64(len(g.holders)+takenByItself); got != want {
		return nil, fmt.Errorf("%d addresses of %s are taken, and ought to be %d", got, g.cidr, want)
	}
	return maps.Clone(g.holders), nil
}
