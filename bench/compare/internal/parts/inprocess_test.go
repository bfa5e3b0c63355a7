package parts

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
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
)

func TestLinkedPeersDoTheSame(t *testing.T) {
	for _, name := range []string{peers.Bolt, peers.Files, peers.Memory, peers.Podman, peers.GoIPAM} {
		leaser, err := peers.NewLeaser(t.Context(), name, t.TempDir(), inprocessSubnet())
		require.NoError(t, err)
		l := newLeasing(name, leaser)
		_, err = l.acquire(t.Context(), 3, 10)
		require.NoError(t, err)
		tally, err := l.turn(t.Context(), 3, 25, 10)
		require.NoError(t, err)
		require.Equal(t, 24, tally.leases, "three laps of eight")
		require.Positive(t, tally.acquiring)
		require.Positive(t, tally.releasing)
		require.NoError(t, l.verify(t.Context()))
		require.Equal(t, 10, l.store.Len())
		require.Equal(t, peers.Container(24), l.store.At(0).Container, "the first ones are gone")

		// A lease that the store does not hold is noticed, and so is one too many.
		a := l.store.At(0)
		require.NoError(t, l.Release(t.Context(), a.Container.Owner(), a.Addrs[0]))
		require.ErrorContains(t, l.verify(t.Context()), "verify of "+name)
		_, err = l.release(t.Context(), 1, 10)
		require.ErrorContains(t, err, "release of "+name)
		_, err = l.Acquire(t.Context(), allocator.Request{Owner: peers.Container(99).Owner()})
		require.NoError(t, err)
		require.ErrorContains(t, l.verify(t.Context()), "leases, want 0")
	}
}

// A lyingLeaser always returns the same address, and holds nothing.
type lyingLeaser struct{ addr string }

func (l lyingLeaser) Acquire(context.Context, allocator.Request) (netip.Addr, error) {
	return netip.MustParseAddr(l.addr), nil
}
func (lyingLeaser) Release(context.Context, backend.Owner, netip.Addr) error { return nil }
func (lyingLeaser) Holders(context.Context) (map[netip.Addr]backend.Owner, error) {
	return nil, nil
}

func TestWrongAnswers(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.2": "acquire of liar: 10.0.0.2 is leased already",
		"10.0.0.1": "acquire of liar: 10.0.0.1 cannot be leased in 10.0.0.0/16",
		"10.1.0.2": "acquire of liar: 10.1.0.2 cannot be leased in 10.0.0.0/16",
	} {
		_, err := newLeasing("liar", lyingLeaser{addr}).turn(t.Context(), 2, 2, 2)
		require.EqualError(t, err, want)
	}
	l := newLeasing("liar", lyingLeaser{"10.0.0.2"})
	_, err := l.acquire(t.Context(), 1, 1)
	require.NoError(t, err)
	require.ErrorContains(t, l.verify(t.Context()), `verify of liar: 10.0.0.2 is leased to "", want "`)
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
		<-met // which is closed only if all of them run at once
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
