package allocator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

func TestCheck(t *testing.T) {
	a := allocator.New(held(t), dual(t), allocator.Options{})
	const begins = "host-local: Failed to find address added by container "
	for _, c := range []struct {
		owner backend.Owner
		addrs []string
		want  string // empty: no error
	}{
		{eth0("a"), nil, ""},
		{eth0("a"), []string{"10.0.0.2"}, ""},
		{eth0("a"), []string{"10.0.0.2", "10.0.0.4"}, ""}, // .4 names no interface
		{eth0("a"), []string{"10.9.9.9", "fd01::1"}, ""},  // outside the pool
		{eth0("a"), []string{"::ffff:10.0.0.2"}, ""},
		{backend.Owner{ContainerID: "a"}, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4"}, ""},
		{backend.Owner{ContainerID: "a", IfName: "net1"}, nil, ""}, // .4 may belong to net1
		{eth0("c"), nil, begins + "c"},
		{eth0("c"), []string{"10.9.9.9"}, begins + "c"},
		{backend.Owner{ContainerID: "b", IfName: "eth1"}, nil, begins + "b"},
		{eth0("a"), []string{"10.0.0.3"}, begins + "a: 10.0.0.3 is leased to a, interface eth1"},
		{eth0("a"), []string{"10.0.0.2", "10.0.0.5"}, begins + "a: 10.0.0.5 is leased to b, interface eth0"},
		{eth0("a"), []string{"fd00::2"}, begins + "a: fd00::2 is not leased"},
		{eth0("a"), []string{"10.0.0.6"}, begins + "a: 10.0.0.6 is leased, but a crash tore the record of its holder"},
	} {
		err := a.Check(t.Context(), c.owner, addrs(c.addrs...))
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		var e *allocator.MissingError
		require.ErrorAs(t, err, &e)
		require.EqualError(t, err, c.want)
		require.Equal(t, c.owner, e.Owner)
	}
}

// After the ranges have changed.
func TestCheckOutsideTheRanges(t *testing.T) {
	a := allocator.New(held(t), newPool(t, newSet(t, subnet(t, "10.9.0.0/24"))), allocator.Options{})
	require.NoError(t, a.Check(t.Context(), eth0("a"), addrs("10.0.0.2", "10.0.0.9", "224.0.0.1")))
	require.ErrorContains(t, a.Check(t.Context(), eth0("a"), addrs("10.0.0.5")), "10.0.0.5 is leased to b")
}

func TestCheckAndStatusOnlyRead(t *testing.T) {
	store := &spy{Store: held(t)}
	a := allocator.New(store, dual(t), allocator.Options{})
	require.NoError(t, a.Check(t.Context(), eth0("a"), addrs("10.0.0.2")))
	require.NoError(t, a.Status(t.Context()))
	require.Equal(t, []string{
		"View", "OwnedBy", "Lease",
		"View", "NextFree", "NextFree", "Leases", "NextFree", // leases are read only if a set is full
	}, store.calls)
}

func TestCheckAndStatusFailWithStore(t *testing.T) {
	for _, method := range []string{"OwnedBy", "Lease"} {
		a := allocator.New(&spy{Store: held(t), fail: method}, dual(t), allocator.Options{})
		require.ErrorIs(t, a.Check(t.Context(), eth0("a"), addrs("10.0.0.2")), errBroken)
	}
	full := newPool(t, newSet(t, subrange(t, "10.0.0.0/29", "10.0.0.2", "10.0.0.5")))
	for _, method := range []string{"NextFree", "LastSearch", "Leases"} {
		a := allocator.New(&spy{Store: held(t), fail: method}, full, allocator.Options{Boot: b1(), ReleaseEarlierBoots: true})
		require.ErrorIs(t, a.Status(t.Context()), errBroken)
	}
	closed := memory.New()
	require.NoError(t, closed.Close())
	require.ErrorIs(t, allocator.New(closed, full, allocator.Options{}).Status(t.Context()), backend.ErrClosed)
}
