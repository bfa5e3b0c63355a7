package inprocess

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/pool"
)

// A player is a contestant and what its store ought to hold.
type player struct {
	name string
	leaser
	pool   *pool.Pool
	held   []lease // the oldest first
	next   container.Container
	random *rand.Rand
}

// A lease is what a container has asked for, and the address that it got.
type lease struct {
	request allocator.Request
	addr    netip.Addr
}

func newPlayer(name string, l leaser) *player {
	return &player{
		name:   name,
		leaser: l,
		pool:   pool.New(subnet()),
		random: rand.New(rand.NewPCG(1, 2)), // the same for all
	}
}

// A tally is how long a turn took, in all of its laps.
type tally struct {
	leases               int
	acquiring, releasing time.Duration
}

// turn makes and ends some n leases. It does so in laps of equal length, of no more
// leases than are held between them: so what is released never is what the same lap has
// acquired, and with whatever n a store holds at most twice as many as between laps.
func (p *player) turn(ctx context.Context, goroutines, n, held int) (tally, error) {
	var t tally
	laps := (n + held - 1) / held
	for range laps {
		acquiring, err := p.acquire(ctx, goroutines, n/laps)
		if err != nil {
			return t, err
		}
		releasing, err := p.release(ctx, goroutines, n/laps)
		if err != nil {
			return t, err
		}
		t = tally{t.leases + n/laps, t.acquiring + acquiring, t.releasing + releasing}
	}
	return t, nil
}

// acquire has goroutines lease an address to each of n containers that are new. Which
// one a container gets depends on who comes first; that nobody else holds it does not.
func (p *player) acquire(ctx context.Context, goroutines, n int) (time.Duration, error) {
	some := p.newcomers(n)
	took, err := together(ctx, goroutines, n, func(ctx context.Context, i int) (err error) {
		some[i].addr, err = p.Acquire(ctx, some[i].request)
		return err
	})
	if err != nil {
		return 0, p.explain(acquire, err)
	}
	for _, l := range some {
		if err := p.pool.Lease(l.addr); err != nil {
			return 0, p.explain(acquire, err)
		}
	}
	p.held = append(p.held, some...)
	return took, nil
}

// newcomers returns what a runtime says of n containers that have not been there
// before.
func (p *player) newcomers(n int) []lease {
	some := make([]lease, n)
	for i := range some {
		some[i].request = allocator.Request{
			Owner: backend.Owner{ContainerID: p.next.ID(), IfName: container.IfName},
			Pod:   p.next.Pod(),
			Netns: p.next.Netns(),
		}
		p.next++
	}
	return some
}

// release has goroutines end the n oldest leases, in no order.
func (p *player) release(ctx context.Context, goroutines, n int) (time.Duration, error) {
	some := slices.Clone(p.held[:n])
	p.held = slices.Delete(p.held, 0, n)
	p.random.Shuffle(n, func(i, j int) { some[i], some[j] = some[j], some[i] })
	took, err := together(ctx, goroutines, n, func(ctx context.Context, i int) error {
		return p.Release(ctx, some[i].request.Owner, some[i].addr)
	})
	for _, l := range some {
		p.pool.Release(l.addr)
	}
	return took, p.explain(release, err)
}

// verify returns an error unless the store holds exactly what it ought to.
func (p *player) verify(ctx context.Context) error {
	holders, err := p.Holders(ctx)
	if err != nil {
		return p.explain("verify", err)
	}
	for _, l := range p.held {
		if got, want := holders[l.addr], l.request.Owner.ContainerID; got != want {
			return p.explain("verify", fmt.Errorf("%s is leased to %q, and ought to be to %q", l.addr, got, want))
		}
	}
	if len(holders) != len(p.held) {
		return p.explain("verify", fmt.Errorf("it holds %d leases, and ought to hold %d", len(holders), len(p.held)))
	}
	return nil
}

func (p *player) explain(what string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", what, p.name, err)
	}
	return err
}
