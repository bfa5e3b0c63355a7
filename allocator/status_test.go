package allocator_test

import (
	"slices"
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
		"View", "OwnedBy",
		"Cursor", "NextFree", "NextFree", "Leases", // leases are read only if a set is full
		"Cursor", "NextFree",
	}, store.calls)
}

func TestCheckAndStatusFailWithStore(t *testing.T) {
	for _, method := range []string{"OwnedBy", "Lease"} {
		a := allocator.New(&spy{Store: held(t), fail: method}, dual(t), allocator.Options{})
		require.ErrorIs(t, a.Check(t.Context(), eth0("a"), addrs("10.0.0.2")), errBroken)
	}
	full := newPool(t, newSet(t, subrange(t, "10.0.0.0/29", "10.0.0.2", "10.0.0.5")))
	for _, method := range []string{"NextFree", "Leases"} {
		a := allocator.New(&spy{Store: held(t), fail: method}, full, allocator.Options{})
		require.ErrorIs(t, a.Status(t.Context()), errBroken)
	}
	closed := memory.New()
	require.NoError(t, closed.Close())
	require.ErrorIs(t, allocator.New(closed, full, allocator.Options{}).Status(t.Context()), backend.ErrClosed)
}

// A store that cannot read what each Allocate reads serves none, although it can say which addresses are
// free.
func TestStatusReadsWhatAllocateReads(t *testing.T) {
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/24")))
	fresh := allocator.Request{Owner: eth0("new")}
	for _, c := range []struct {
		name    string
		options allocator.Options
		want    []string
	}{
		{"in a boot that is not known", allocator.Options{}, []string{"OwnedBy", "Cursor", "NextFree"}},
		{"after a reboot", allocator.Options{Boot: b1(), ReleaseEarlierBoots: true}, []string{
			"LastSearch", "Leases", "OwnedBy", "Cursor", "NextFree",
		}},
	} {
		allocates, asks := &spy{Store: held(t)}, &spy{Store: held(t)}
		_, err := allocator.New(allocates, pool, c.options).Allocate(t.Context(), fresh)
		require.NoError(t, err)
		require.NoError(t, allocator.New(asks, pool, c.options).Status(t.Context()))
		changes := []string{"Update", "Put", "SetCursor", "SetLastSearch"}
		reads := slices.DeleteFunc(allocates.calls, func(method string) bool { return slices.Contains(changes, method) })
		require.Equal(t, c.want, reads, c.name)
		require.Equal(t, append([]string{"View"}, reads...), asks.calls, c.name)
		for _, method := range reads {
			broken := allocator.New(&spy{Store: held(t), fail: method}, pool, c.options)
			require.ErrorIs(t, broken.Status(t.Context()), errBroken, method)
		}
	}
	for _, method := range []string{"Policy", "LongestCooling", "LatestCooling"} {
		broken := allocator.New(&faulty{held(t), method}, pool, allocator.Options{})
		_, err := broken.Allocate(t.Context(), fresh)
		require.ErrorIs(t, err, errBroken, method)
		require.ErrorIs(t, broken.Status(t.Context()), errBroken, method)
	}
}
