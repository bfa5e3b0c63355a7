package allocator_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// A coarse store rounds times to a unit, as file systems do.
type coarse struct {
	backend.Store
	unit time.Duration
}

func (s coarse) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.Store.Update(ctx, func(tx backend.Tx) error { return fn(coarseTx{tx, s.unit}) })
}

type coarseTx struct {
	backend.Tx
	unit time.Duration
}

func (t coarseTx) Put(l backend.Lease) error {
	l.Since = l.Since.Truncate(t.unit)
	return t.Tx.Put(l)
}

// units maps units of time to whether leases can be told apart in them: yes for ext4 and
// NTFS, no for exFAT, SFTP and FAT.
func units() map[time.Duration]bool {
	return map[time.Duration]bool{1: true, 100: true, 10 * time.Millisecond: false, time.Second: false, 2 * time.Second: false}
}

func onePool(t *testing.T) allocator.Pool { return newPool(t, newSet(t, subnet(t, "10.0.0.0/24"))) }

func request(t *testing.T, a *allocator.Allocator) []allocator.Assignment {
	t.Helper()
	got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("web"), Addrs: addrs("10.0.0.2")})
	require.NoError(t, err)
	return got
}

// An attachment can be answered several times with one lease before the first answer is
// known to be lost.
func TestUndoLeavesLaterLeases(t *testing.T) {
	for unit, fine := range units() {
		for name, repeat := range map[string]func(*allocator.Allocator, backend.Store){
			"returned": func(a *allocator.Allocator, _ backend.Store) { request(t, a) },
			"released and leased again": func(a *allocator.Allocator, s backend.Store) {
				free(t, s, "web")
				request(t, a)
			},
		} {
			t.Run(name+", kept to "+unit.String(), func(t *testing.T) {
				store := coarse{memory.New(), unit}
				a := allocator.New(store, onePool(t), allocator.Options{OnDuplicate: allocator.ReturnExisting})
				first := request(t, a)
				repeat(a, store)
				err := a.Undo(t.Context(), eth0("web"), first)
				require.Contains(t, contents(t, store), "10.0.0.2 web (eth0)")
				if fine {
					require.NoError(t, err)
				}
			})
		}
	}
}

// Of two answers with one lease neither Undo can know that the other was lost as well. The DEL that
// follows a failed ADD ends the lease.
func TestUndoOfTwoAnswersLeavesTheLeaseToDEL(t *testing.T) {
	s := memory.New()
	a := allocator.New(s, onePool(t), allocator.Options{OnDuplicate: allocator.ReturnExisting})
	first, second := request(t, a), request(t, a)
	for _, got := range [][]allocator.Assignment{second, first} {
		require.NoError(t, a.Undo(t.Context(), eth0("web"), got))
		require.Equal(t, eth0("web"), leaseOf(t, s, "10.0.0.2").Owner)
	}
	released, err := allocator.Release(t.Context(), s, eth0("web"))
	require.NoError(t, err)
	require.Len(t, released, 1)
}

func TestUndoWithoutFineTimes(t *testing.T) {
	for unit, fine := range units() {
		store := coarse{memory.New(), unit}
		a := allocator.New(store, onePool(t), allocator.Options{})
		err := a.Undo(t.Context(), eth0("web"), request(t, a))
		if fine {
			require.NoError(t, err, unit)
			require.NotContains(t, contents(t, store), "10.0.0.2 web (eth0)", unit)
		} else {
			require.ErrorContains(t, err, "10.0.0.2 stays leased to web (eth0) until its DEL", unit)
			require.Contains(t, contents(t, store), "10.0.0.2 web (eth0)", unit)
		}
	}
}

// Even if the clock shows the same time for both.
func TestReturnedLeaseHasNewTime(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for unit := range units() {
		store := coarse{memory.New(), unit}
		a := allocator.New(store, onePool(t), allocator.Options{
			OnDuplicate: allocator.ReturnExisting, Now: func() time.Time { return now },
		})
		request(t, a)
		before := leaseOf(t, store, "10.0.0.2").Since
		request(t, a)
		require.Greater(t, leaseOf(t, store, "10.0.0.2").Since, before, unit)
	}
}

func leaseOf(t *testing.T, s backend.Store, text string) (l backend.Lease) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(tx backend.ReadTx) (err error) {
		l, err = tx.Lease(addr(text))
		return err
	}))
	return l
}

// For gc, and for the next reboot, a lease is as old as its latest answer.
func TestReturnedLeaseIsRenewed(t *testing.T) {
	store := memory.New()
	put(t, store,
		backend.Lease{Addr: addr("10.0.0.3"), Owner: eth0("web"), Since: beforeB1(), Boot: "b0", Netns: "/gone", Pod: backend.Pod{Name: "old"}},
		backend.Lease{Addr: addr("fd00::3"), Owner: backend.Owner{ContainerID: "web"}, Since: beforeB1()},
	)
	a := allocator.New(store, dual(t), allocator.Options{
		OnDuplicate: allocator.ReturnExisting, Boot: b1(), Now: sinceB1,
	})
	got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("web"), Pod: backend.Pod{Name: "new"}, Netns: "/here"})
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.3/29", "fd00::3/125"}, texts(got))
	want := backend.Lease{
		Addr: addr("10.0.0.3"), Owner: eth0("web"), Since: sinceB1().Add(1), Boot: "b1", Netns: "/here", Pod: backend.Pod{Name: "new"},
	}
	require.Equal(t, want, leaseOf(t, store, "10.0.0.3"))
	want.Addr, want.Owner = addr("fd00::3"), backend.Owner{ContainerID: "web"}
	require.Equal(t, want, leaseOf(t, store, "fd00::3"), "the interface stays unknown")

	require.NoError(t, a.Undo(t.Context(), eth0("web"), got))
	require.Equal(t, want, leaseOf(t, store, "fd00::3"), "it was answered before")
}

// A failed request renews nothing.
func TestRefusedRequestRenewsNothing(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/24")), newSet(t, subnet(t, "fd00::2/128")))
	held := backend.Lease{Addr: addr("10.0.0.9"), Owner: eth0("web"), Since: beforeB1(), Boot: "b0"}
	put(t, store, held, backend.Lease{Addr: addr("fd00::2"), Owner: eth0("other")})
	a := allocator.New(store, pool, allocator.Options{OnDuplicate: allocator.ReturnExisting, Boot: b1()})
	_, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("web")})
	var exhausted *allocator.ExhaustedError
	require.ErrorAs(t, err, &exhausted)
	require.Equal(t, held, leaseOf(t, store, "10.0.0.9"))
}
