package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// held returns a store in which container a holds .2 on eth0, .3 on eth1 and .4 without an
// interface name, and container b holds .5 on eth0; .6 is torn.
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
		{"then leases without an interface", []owner{eth0("a"), eth0("a"), eth0("a")}, [][]string{{"10.0.0.2"}, {"10.0.0.4"}, nil}},
		{"an unknown interface", []owner{{ContainerID: "a", IfName: "net1"}}, [][]string{{"10.0.0.4"}}},
		{"all of a container", []owner{{ContainerID: "a"}, {ContainerID: "a"}}, [][]string{{"10.0.0.2", "10.0.0.3", "10.0.0.4"}, nil}},
		{"an unknown container", []owner{eth0("c")}, [][]string{nil}},
		{"no container", []owner{{}, {IfName: "eth0"}}, [][]string{nil, nil}},
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

func TestReleaseAddrs(t *testing.T) {
	for _, c := range []struct {
		name  string
		addrs []netip.Addr
		want  []string
	}{
		{"none", nil, nil},
		{"one", addrs("10.0.0.5"), []string{"10.0.0.5"}},
		{"some, in their order", addrs("10.0.0.5", "10.0.0.2"), []string{"10.0.0.5", "10.0.0.2"}},
		{"one twice", addrs("10.0.0.5", "10.0.0.2", "10.0.0.5"), []string{"10.0.0.5", "10.0.0.2"}},
		{"torn", addrs("10.0.0.6"), []string{"10.0.0.6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := held(t)
			left := len(contents(t, store)) - len(c.want)
			released, err := allocator.ReleaseAddrs(t.Context(), store, c.addrs)
			require.NoError(t, err)
			require.Equal(t, c.want, leasedAddrs(released))
			require.Len(t, contents(t, store), left)
			for _, l := range released {
				_, err := allocator.ReleaseAddrs(t.Context(), store, []netip.Addr{l.Addr})
				require.ErrorIs(t, err, backend.ErrNotFound)
			}
		})
	}
}

func TestReleaseAddrsIsAllOrNothing(t *testing.T) {
	store := held(t)
	before := contents(t, store)
	released, err := allocator.ReleaseAddrs(t.Context(), store, addrs("10.0.0.2", "10.0.0.9", "10.0.0.3", "fd00::1"))
	require.EqualError(t, err, "nothing was released, because these addresses are not leased: 10.0.0.9 fd00::1")
	require.ErrorIs(t, err, backend.ErrNotFound)
	var unleased *allocator.UnleasedError
	require.ErrorAs(t, err, &unleased)
	require.Equal(t, addrs("10.0.0.9", "fd00::1"), unleased.Addrs)
	require.Nil(t, released)
	require.Equal(t, before, contents(t, store))

	_, err = allocator.ReleaseAddrs(t.Context(), store, addrs("10.0.0.2", "::ffff:10.0.0.3"))
	require.ErrorIs(t, err, backend.ErrInvalid)
	require.Equal(t, before, contents(t, store))
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
	for _, method := range []string{"Lease", "Delete"} {
		released, err := allocator.ReleaseUnchanged(t.Context(), &spy{Store: held(t), fail: method}, leasesIn(t, held(t)))
		require.ErrorIs(t, err, errBroken)
		require.Nil(t, released)
	}
	for _, method := range []string{"Lease", "Delete"} {
		released, err := allocator.ReleaseAddrs(t.Context(), &spy{Store: held(t), fail: method}, addrs("10.0.0.2"))
		require.ErrorIs(t, err, errBroken)
		require.Nil(t, released)
	}
	a := allocator.New(&spy{Store: held(t), fail: "Lease"}, dual(t), allocator.Options{})
	fresh := []allocator.Assignment{{Addr: dual(t).Sets()[0].Ranges()[0].Subnet(), Fresh: true}}
	require.ErrorIs(t, a.Undo(t.Context(), eth0("a"), fresh), errBroken)
}

// A readOnly store can be read, but no Update can begin.
type readOnly struct {
	backend.Store
	err error
}

func (s readOnly) Update(context.Context, func(backend.Tx) error) error { return s.err }

// A store that cannot be written need not be if there is nothing to release.
func TestReleaseNothingFromReadOnlyStore(t *testing.T) {
	store := readOnly{held(t), errBroken}
	released, err := allocator.Release(t.Context(), store, eth0("c"))
	require.NoError(t, err)
	require.Empty(t, released)
	_, err = allocator.Release(t.Context(), store, eth0("a"))
	require.ErrorIs(t, err, errBroken)

	_, err = allocator.Collect(t.Context(), store, []backend.Owner{{ContainerID: "a"}, {ContainerID: "b"}})
	require.ErrorIs(t, err, errBroken, "there is a torn lease")
	collected, err := allocator.Collect(t.Context(), readOnly{memory.New(), errBroken}, nil)
	require.NoError(t, err)
	require.Empty(t, collected)

	read := leasesIn(t, held(t))
	_, err = allocator.ReleaseUnchanged(t.Context(), store, read)
	require.ErrorIs(t, err, errBroken)
	for _, s := range []backend.Store{store, readOnly{memory.New(), errBroken}} {
		released, err := allocator.ReleaseUnchanged(t.Context(), s, nil)
		require.NoError(t, err)
		require.Empty(t, released)
	}
	released, err = allocator.ReleaseUnchanged(t.Context(), readOnly{memory.New(), errBroken}, read)
	require.NoError(t, err, "released meanwhile")
	require.Empty(t, released)
}

// In a damaged store the lease may be in the part that cannot be read.
func TestReleaseFailsOnDamage(t *testing.T) {
	store := readOnly{held(t), fmt.Errorf("store: %w", backend.ErrDamaged)}
	_, err := allocator.Release(t.Context(), store, eth0("c"))
	require.ErrorIs(t, err, backend.ErrDamaged)
	_, err = allocator.Collect(t.Context(), readOnly{memory.New(), backend.ErrDamaged}, nil)
	require.ErrorIs(t, err, backend.ErrDamaged)
}

// A nonDurable store begins an Update and fails to make it durable.
type nonDurable struct{ backend.Store }

func (s nonDurable) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return errors.Join(s.Store.Update(ctx, fn), errBroken)
}

// A deletion that may be lost is an error, even if a View would show no lease.
func TestReleaseThatIsNotDurable(t *testing.T) {
	_, err := allocator.Release(t.Context(), nonDurable{held(t)}, eth0("a"))
	require.ErrorIs(t, err, errBroken)
	_, err = allocator.Collect(t.Context(), nonDurable{held(t)}, nil)
	require.ErrorIs(t, err, errBroken)
}
