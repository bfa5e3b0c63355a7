package allocator_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// dual returns a pool of two sets, 10.0.0.2 to .6 (gateway .1, .5 excluded) and
// fd00::2 to fd00::7.
func dual(t *testing.T) allocator.Pool {
	t.Helper()
	return newPool(t,
		newSet(t, newRange(t, allocator.RangeSpec{
			Subnet: netip.MustParsePrefix("10.0.0.0/29"), Exclude: []allocator.Span{span(t, "10.0.0.5")},
		})),
		newSet(t, subnet(t, "fd00::/125")),
	)
}

func TestAllocateRequested(t *testing.T) {
	for _, c := range []struct {
		requested, want []string
	}{
		{[]string{"10.0.0.4"}, []string{"10.0.0.4/29", "fd00::2/125"}},
		{[]string{"fd00::7"}, []string{"10.0.0.2/29", "fd00::7/125"}},
		{[]string{"fd00::7", "10.0.0.4"}, []string{"10.0.0.4/29", "fd00::7/125"}},
		{[]string{"10.0.0.4", "10.0.0.4"}, []string{"10.0.0.4/29", "fd00::2/125"}},
		{[]string{"::ffff:10.0.0.4"}, []string{"10.0.0.4/29", "fd00::2/125"}},
	} {
		a := allocator.New(memory.New(), dual(t), allocator.Options{})
		require.Equal(t, c.want, take(t, a, "a", c.requested...))
	}
}

func TestRequestedMovesTheCursor(t *testing.T) {
	a := allocator.New(memory.New(), dual(t), allocator.Options{})
	take(t, a, "a", "10.0.0.4")
	require.Equal(t, []string{"10.0.0.6/29", "fd00::3/125"}, take(t, a, "b"))
}

func TestAllocateRejectsRequest(t *testing.T) {
	for _, c := range []struct {
		requested []string
		addrs     []string
		want      string
	}{
		{[]string{"10.0.0.1"}, []string{"10.0.0.1"}, "requested ip 10.0.0.1 is subnet's gateway"},
		{[]string{"10.0.0.4", "fd00::1"}, []string{"fd00::1"}, "requested ip fd00::1 is subnet's gateway"},
		{[]string{"10.0.0.5"}, []string{"10.0.0.5"},
			"requested IP address 10.0.0.5 is not available in range set 10.0.0.1-10.0.0.6: it is excluded"},
		{[]string{"10.0.0.7"}, []string{"10.0.0.7"},
			"failed to allocate all requested IPs: 10.0.0.7 (in no range of 10.0.0.1-10.0.0.6, fd00::1-fd00::7)"},
		{[]string{"10.0.0.2", "10.0.0.3"}, []string{"10.0.0.3"},
			"failed to allocate all requested IPs: 10.0.0.3 (an attachment gets one address of 10.0.0.1-10.0.0.6)"},
		{[]string{"10.9.0.2", "fd00::2", "fd01::2"}, []string{"10.9.0.2", "fd01::2"},
			"failed to allocate all requested IPs: 10.9.0.2 fd01::2 (10.9.0.2: in no range of 10.0.0.1-10.0.0.6, fd00::1-fd00::7; " +
				"fd01::2: in no range of 10.0.0.1-10.0.0.6, fd00::1-fd00::7)"},
	} {
		store := memory.New()
		a := allocator.New(store, dual(t), allocator.Options{})
		e := refused[*allocator.RequestError](t, store, a, "a", c.requested...)
		require.Equal(t, addrs(c.addrs...), e.Addrs)
		require.EqualError(t, e, c.want)
	}
}

func TestAllocateRefusesTaken(t *testing.T) {
	store := memory.New()
	a := allocator.New(store, dual(t), allocator.Options{})
	holder := backend.Lease{
		Addr: addr("fd00::3"), Owner: eth0("b"), Pod: backend.Pod{Namespace: "default", Name: "web"},
		Since: time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC),
	}
	put(t, store, holder)
	require.NoError(t, store.Tear(addr("10.0.0.3")))

	e := refused[*allocator.TakenError](t, store, a, "a", "fd00::3")
	require.Equal(t, addr("fd00::3"), e.Addr)
	require.Equal(t, holder, e.Holder)
	require.EqualError(t, e, "requested IP address fd00::3 is not available in range set fd00::1-fd00::7: "+
		"leased to b, interface eth0, pod default/web, since 2025-03-04T05:06:07Z")

	_, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("a"), Addrs: addrs("fd00::3")})
	require.ErrorContains(t, err, "failed to allocate for range 1: requested IP address fd00::3 is not available")

	e = refused[*allocator.TakenError](t, store, a, "a", "10.0.0.3")
	require.Zero(t, e.Holder.Owner)
	require.ErrorContains(t, e, "a crash tore the record of its holder")
}

func TestAllocateRefusesDuplicate(t *testing.T) {
	store := memory.New()
	a := allocator.New(store, dual(t), allocator.Options{})
	put(t, store,
		backend.Lease{Addr: addr("fd00::3"), Owner: eth0("a")},
		backend.Lease{Addr: addr("fd00::4"), Owner: backend.Owner{ContainerID: "old"}},
		backend.Lease{Addr: addr("10.9.9.9"), Owner: eth0("elsewhere")},
	)
	for _, requested := range [][]string{nil, {"fd00::3"}, {"fd00::5"}, {"10.0.0.3"}} {
		e := refused[*allocator.DuplicateError](t, store, a, "a", requested...)
		require.Equal(t, addr("fd00::3"), e.Addr)
		require.Equal(t, eth0("a"), e.Holder.Owner)
		require.EqualError(t, e, "fd00::3 has been allocated to a, duplicate allocation is not allowed (interface eth0)")
	}
	e := refused[*allocator.DuplicateError](t, store, a, "old")
	require.EqualError(t, e, "fd00::4 has been allocated to old, duplicate allocation is not allowed")

	require.Len(t, take(t, a, "elsewhere"), 2, "an address outside the pool is no duplicate")
	got, err := a.Allocate(t.Context(), allocator.Request{Owner: backend.Owner{ContainerID: "a", IfName: "eth1"}})
	require.NoError(t, err, "another interface is another attachment")
	require.Len(t, got, 2)
}

func TestAllocateReturnsDuplicate(t *testing.T) {
	for _, c := range []struct{ requested, want []string }{
		{nil, []string{"10.0.0.5/29", "fd00::2/125"}},
		{[]string{"10.0.0.6", "fd00::6"}, []string{"10.0.0.6/29", "fd00::6/125"}},
	} {
		store := memory.New()
		a := allocator.New(store, dual(t), allocator.Options{OnDuplicate: allocator.ReturnExisting})
		put(t, store,
			backend.Lease{Addr: addr("10.0.0.5"), Owner: eth0("a")}, // excluded since
			backend.Lease{Addr: addr("10.0.0.6"), Owner: backend.Owner{ContainerID: "a"}},
		)
		refused[*allocator.DuplicateError](t, store, a, "a", "10.0.0.4")
		// An address that can never be leased is rejected before any lookup.
		refused[*allocator.RequestError](t, store, a, "a", "10.0.0.1")
		refused[*allocator.RequestError](t, store, a, "a", "10.0.0.5")

		got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("a"), Addrs: addrs(c.requested...)})
		require.NoError(t, err)
		require.Equal(t, c.want, texts(got))
		require.Equal(t, addr("10.0.0.1"), got[0].Gateway)
		require.False(t, got[0].Fresh)
		require.True(t, got[1].Fresh)

		got, err = a.Allocate(t.Context(), allocator.Request{Owner: eth0("a"), Addrs: addrs(c.requested...)})
		require.NoError(t, err)
		require.Equal(t, c.want, texts(got))
		require.False(t, got[1].Fresh, "already held the second time")
	}
}

// Wherever a transaction fails, the error is returned unchanged and so is the store.
func TestAllocateFailsWithStore(t *testing.T) {
	for _, method := range []string{"LastSearch", "Leases", "Delete", "SetLastSearch", "OwnedBy", "Cursor", "NextFree", "Lease", "Put", "SetCursor"} {
		t.Run(method, func(t *testing.T) {
			store := &spy{Store: memory.New(), fail: method}
			put(t, store.Store, backend.Lease{Addr: addr("10.0.0.3"), Owner: eth0("gone"), Boot: "b0", Since: beforeB1()})
			a := allocator.New(store, dual(t), allocator.Options{Boot: b1(), ReleaseEarlierBoots: true})
			before := contents(t, store.Store)
			got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("a"), Addrs: addrs("10.0.0.2")})
			require.ErrorIs(t, err, errBroken)
			require.Nil(t, got)
			require.Equal(t, before, contents(t, store.Store))
		})
	}
}

func TestTornLeasesCannotBeDeleted(t *testing.T) {
	store := memory.New()
	require.NoError(t, store.Tear(addr("10.0.0.2")))
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.2/32")))
	for _, method := range []string{"Leases", "Delete"} {
		a := allocator.New(&spy{Store: store, fail: method}, pool, allocator.Options{})
		_, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("a")})
		require.ErrorIs(t, err, errBroken)
	}
}

func TestAllocateIsOneTransaction(t *testing.T) {
	store := &spy{Store: memory.New()}
	a := allocator.New(store, dual(t), allocator.Options{Boot: b1()})
	take(t, a, "a")
	require.Equal(t, []string{
		"Update", "OwnedBy", "Cursor", "NextFree", "Put", "SetCursor", "Cursor", "NextFree", "Put", "SetCursor",
	}, store.calls, "the boot is not read if earlier boots do not matter")
}

func TestAllocateRejectsInvalidOwner(t *testing.T) {
	a := allocator.New(memory.New(), dual(t), allocator.Options{})
	_, err := a.Allocate(t.Context(), allocator.Request{})
	require.ErrorIs(t, err, backend.ErrInvalid)
}
