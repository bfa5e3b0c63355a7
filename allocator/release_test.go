package allocator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// held returns a store in which container a holds .2 on eth0, .3 on eth1 and .4
// on no interface by name, container b .5 on eth0, and .6 is torn.
func held(t *testing.T) *memory.Store {
	t.Helper()
	store := memory.New()
	put(t, store,
		backend.Lease{Addr: addr("10.0.0.2"), Owner: eth0("a")},
		backend.Lease{Addr: addr("10.0.0.3"), Owner: backend.Owner{ContainerID: "a", IfName: "eth1"}},
		backend.Lease{Addr: addr("10.0.0.4"), Owner: backend.Owner{ContainerID: "a"}},
		backend.Lease{Addr: addr("10.0.0.5"), Owner: eth0("b")},
	)
	require.NoError(t, store.Tear(addr("10.0.0.6")))
	return store
}

func leasedAddrs(leases []backend.Lease) []string {
	var ss []string
	for _, l := range leases {
		ss = append(ss, l.Addr.String())
	}
	return ss
}

func TestRelease(t *testing.T) {
	type owner = backend.Owner
	for _, c := range []struct {
		name   string
		owners []owner    // one after the other
		want   [][]string // what each releases
	}{
		{"exactly", []owner{eth0("a")}, [][]string{{"10.0.0.2"}}},
		{"then what names no interface", []owner{eth0("a"), eth0("a"), eth0("a")}, [][]string{{"10.0.0.2"}, {"10.0.0.4"}, nil}},
		{"an unknown interface", []owner{{ContainerID: "a", IfName: "net1"}}, [][]string{{"10.0.0.4"}}},
		{"all of a container", []owner{{ContainerID: "a"}, {ContainerID: "a"}}, [][]string{{"10.0.0.2", "10.0.0.3", "10.0.0.4"}, nil}},
		{"an unknown container", []owner{eth0("c")}, [][]string{nil}},
		{"nobody", []owner{{}, {IfName: "eth0"}}, [][]string{nil, nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := held(t)
			left := len(contents(t, store))
			for i, o := range c.owners {
				released, err := allocator.Release(t.Context(), store, o)
				require.NoError(t, err)
				require.Equal(t, c.want[i], leasedAddrs(released))
				left -= len(released)
				require.Len(t, contents(t, store), left)
			}
		})
	}
}

func TestCollect(t *testing.T) {
	type owner = backend.Owner
	for _, c := range []struct {
		name  string
		valid []owner
		want  []string
	}{
		{"nothing is valid", nil, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
		{"one interface", []owner{eth0("a")}, []string{"10.0.0.3", "10.0.0.5", "10.0.0.6"}},
		{"two interfaces", []owner{eth0("a"), {ContainerID: "a", IfName: "eth1"}}, []string{"10.0.0.5", "10.0.0.6"}},
		{"another interface", []owner{{ContainerID: "b", IfName: "eth1"}}, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
		{"a whole container", []owner{{ContainerID: "a"}, eth0("b")}, []string{"10.0.0.6"}},
		{"torn even if nobody is valid", []owner{{}}, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := held(t)
			collected, err := allocator.Collect(t.Context(), store, c.valid)
			require.NoError(t, err)
			require.Equal(t, c.want, leasedAddrs(collected))
			collected, err = allocator.Collect(t.Context(), store, c.valid)
			require.NoError(t, err)
			require.Empty(t, collected)
		})
	}
}

func TestReleaseFailsWithStore(t *testing.T) {
	for _, method := range []string{"OwnedBy", "Delete"} {
		released, err := allocator.Release(t.Context(), &spy{Store: held(t), fail: method}, eth0("a"))
		require.ErrorIs(t, err, errBroken)
		require.Nil(t, released)
	}
	for _, method := range []string{"Leases", "Delete"} {
		collected, err := allocator.Collect(t.Context(), &spy{Store: held(t), fail: method}, nil)
		require.ErrorIs(t, err, errBroken)
		require.Nil(t, collected)
	}
	a := allocator.New(&spy{Store: held(t), fail: "Lease"}, dual(t), allocator.Options{})
	fresh := []allocator.Assignment{{Addr: dual(t).Sets()[0].Ranges()[0].Subnet(), Fresh: true}}
	require.ErrorIs(t, a.Undo(t.Context(), eth0("a"), fresh), errBroken)
}
