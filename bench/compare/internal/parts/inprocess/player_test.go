package inprocess

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
)

func names(lines []chart.Line) []string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Name)
	}
	return all
}

// linked returns contestants, each with an empty store.
func linked(t *testing.T, names ...string) []*player {
	t.Helper()
	var all []*player
	for _, name := range names {
		l, err := newLeaser(t.Context(), name, t.TempDir())
		require.NoError(t, err)
		all = append(all, newPlayer(name, l))
	}
	return all
}

func TestEverybodyDoesTheSame(t *testing.T) {
	for _, p := range linked(t, contest.Bolt, contest.Files, contest.Memory, contest.Podman, contest.GoIPAM) {
		_, err := p.acquire(t.Context(), 3, 10)
		require.NoError(t, err)
		tally, err := p.turn(t.Context(), 3, 25, 10)
		require.NoError(t, err)
		require.Equal(t, 24, tally.leases, "three laps of eight")
		require.Positive(t, tally.acquiring)
		require.Positive(t, tally.releasing)
		require.Len(t, p.held, 10)
		require.NoError(t, p.verify(t.Context()))
		for i, l := range p.held {
			require.Equal(t, newcomer(24+i).Owner, l.request.Owner, "those that came first are gone")
		}
	}
}

func newcomer(n int) allocator.Request {
	return newPlayer("", nil).newcomers(n + 1)[n].request
}

func TestRequestsAreThoseOfContainerd(t *testing.T) {
	r := newcomer(7)
	require.Regexp(t, "^[0-9a-f]{64}$", r.Owner.ContainerID)
	require.Equal(t, "eth0", r.Owner.IfName)
	require.Regexp(t, "^/var/run/netns/cni-[0-9a-f]{8}-", r.Netns)
	require.NotEmpty(t, r.Pod.Name)
}

func TestNobodyElseCanBeLinked(t *testing.T) {
	_, err := newLeaser(t.Context(), contest.Stock, t.TempDir())
	require.EqualError(t, err, "stock cannot be linked")
}

// A liar answers always the same, and holds nothing.
type liar struct{ addr string }

func (l liar) Acquire(context.Context, allocator.Request) (netip.Addr, error) {
	return netip.MustParseAddr(l.addr), nil
}
func (liar) Release(context.Context, backend.Owner, netip.Addr) error { return nil }
func (liar) Holders(context.Context) (map[netip.Addr]string, error)   { return nil, nil }

func TestWrongAnswers(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.2": "acquire of liar: 10.0.0.2 is leased already",
		"10.0.0.1": "acquire of liar: 10.0.0.1 cannot be leased in 10.0.0.0/16",
		"10.1.0.2": "acquire of liar: 10.1.0.2 cannot be leased in 10.0.0.0/16",
	} {
		_, err := newPlayer("liar", liar{addr}).turn(t.Context(), 2, 2, 2)
		require.EqualError(t, err, want)
	}
	p := newPlayer("liar", liar{"10.0.0.2"})
	_, err := p.acquire(t.Context(), 1, 1)
	require.NoError(t, err)
	require.ErrorContains(t, p.verify(t.Context()), `verify of liar: 10.0.0.2 is leased to "", and ought to be to "`)
}

// Of a container that holds nothing no release is counted, and neither is a lease
// that nobody knows of overlooked.
func TestWhatTheStoreDoesNotHold(t *testing.T) {
	for _, p := range linked(t, contest.Bolt, contest.Files, contest.Memory, contest.Podman, contest.GoIPAM) {
		_, err := p.acquire(t.Context(), 1, 2)
		require.NoError(t, err)
		l := p.held[0]
		require.NoError(t, p.Release(t.Context(), l.request.Owner, l.addr))
		require.ErrorContains(t, p.verify(t.Context()), "is leased to")
		_, err = p.release(t.Context(), 1, 2)
		require.ErrorContains(t, err, "release of "+p.name)

		_, err = p.Acquire(t.Context(), newcomer(99))
		require.NoError(t, err)
		p.held = nil
		require.ErrorContains(t, p.verify(t.Context()), "and ought to hold 0")
	}
}

func TestTogether(t *testing.T) {
	const goroutines, n = 4, 40
	var mu sync.Mutex
	done := make(map[int]int)
	met := make(chan struct{})
	var here atomic.Int32
	took, err := together(t.Context(), goroutines, n, func(_ context.Context, i int) error {
		if here.Add(1) == goroutines {
			close(met)
		}
		<-met // which is only closed if all of them run at once
		mu.Lock()
		defer mu.Unlock()
		done[i]++
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, took)
	require.Len(t, done, n)
	for i := range n {
		require.Equal(t, 1, done[i], i)
	}
}

func TestTogetherEndsWithTheFirstError(t *testing.T) {
	failed := errors.New("failed")
	calls := 0
	_, err := together(t.Context(), 1, 10, func(_ context.Context, i int) error {
		if calls++; i == 3 {
			return failed
		}
		return nil
	})
	require.ErrorIs(t, err, failed)
	require.Equal(t, 4, calls)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = together(ctx, 2, 10, func(context.Context, int) error { panic("it was begun") })
	require.ErrorIs(t, err, context.Canceled)
}
