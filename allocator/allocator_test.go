package allocator_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// eth0 returns the attachment of a container's interface eth0.
func eth0(id string) backend.Owner { return backend.Owner{ContainerID: id, IfName: "eth0"} }

func addrs(texts ...string) []netip.Addr {
	var as []netip.Addr
	for _, s := range texts {
		as = append(as, addr(s))
	}
	return as
}

func texts(got []allocator.Assignment) []string {
	var ss []string
	for _, as := range got {
		ss = append(ss, as.Addr.String())
	}
	return ss
}

// contents returns everything in a store as text.
func contents(t require.TestingT, s backend.Store) []string {
	var lines []string
	require.NoError(t, s.View(context.Background(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			lines = append(lines, l.Addr.String()+" "+l.Owner.String())
		}
		cursors, err := tx.Cursors()
		if err != nil {
			return err
		}
		boot, err := tx.LastSearch()
		lines = append(lines, fmt.Sprint("cursors ", cursors), "boot "+boot)
		return err
	}))
	return lines
}

// put puts leases into the store directly.
func put(t *testing.T, s backend.Store, leases ...backend.Lease) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error {
		for _, l := range leases {
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		return nil
	}))
}

// take allocates for a new container and returns the addresses.
func take(t *testing.T, a *allocator.Allocator, id string, requested ...string) []string {
	t.Helper()
	got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0(id), Addrs: addrs(requested...)})
	require.NoError(t, err)
	return texts(got)
}

// refused checks that an Allocate fails with an E and changes nothing, and returns the
// error.
func refused[E error](t *testing.T, s backend.Store, a *allocator.Allocator, id string, requested ...string) (target E) {
	t.Helper()
	before := contents(t, s)
	got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0(id), Addrs: addrs(requested...)})
	require.ErrorAs(t, err, &target)
	require.Nil(t, got)
	require.Equal(t, before, contents(t, s))
	return target
}

func free(t *testing.T, s backend.Store, id string) {
	t.Helper()
	released, err := allocator.Release(t.Context(), s, eth0(id))
	require.NoError(t, err)
	require.NotEmpty(t, released)
}

func TestAllocateWalksRoundRobin(t *testing.T) {
	store := memory.New()
	a := allocator.New(store, newPool(t, newSet(t,
		subrange(t, "10.0.1.0/24", "10.0.1.1", "10.0.1.3"), // 10.0.1.1 is the gateway
		subrange(t, "10.0.0.0/24", "10.0.0.5", "10.0.0.6"),
	)), allocator.Options{})

	require.Equal(t, []string{"10.0.1.2/24"}, take(t, a, "a"))
	free(t, store, "a")
	require.Equal(t, []string{"10.0.1.3/24"}, take(t, a, "b"), "not the address that was just released")
	require.Equal(t, []string{"10.0.0.5/24"}, take(t, a, "c"))
	require.Equal(t, []string{"10.0.0.6/24"}, take(t, a, "d"))
	require.Equal(t, []string{"10.0.1.2/24"}, take(t, a, "e"))
	free(t, store, "c")
	require.Equal(t, []string{"10.0.0.5/24"}, take(t, a, "f"))
	refused[*allocator.ExhaustedError](t, store, a, "g")
	free(t, store, "f")
	require.Equal(t, []string{"10.0.0.5/24"}, take(t, a, "h"), "the cursor itself comes last")
}

func TestAllocateOneOfEachSet(t *testing.T) {
	a := allocator.New(memory.New(), newPool(t,
		newSet(t, subnet(t, "fd00::/64")),
		newSet(t, newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/24"), NoGateway: true})),
		newSet(t, newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.9.0.0/16"), Gateway: addr("10.8.0.1")})),
	), allocator.Options{})
	got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("a")})
	require.NoError(t, err)
	var lines []string
	for _, as := range got {
		lines = append(lines, fmt.Sprintln(as.Addr, as.Gateway, as.Fresh))
	}
	require.Equal(t, []string{
		"fd00::2/64 fd00::1 true\n",
		"10.0.0.1/24 invalid IP true\n",
		"10.9.0.1/16 10.8.0.1 true\n",
	}, lines)
}

func TestAllocateRecordsRequest(t *testing.T) {
	store := memory.New()
	now := time.Date(2025, 3, 4, 5, 6, 7, 890, time.FixedZone("", 3600))
	a := allocator.New(store, newPool(t, newSet(t, subnet(t, "10.0.0.0/24"))), allocator.Options{
		Boot: allocator.Boot{ID: "b1"}, Now: func() time.Time { return now },
	})
	_, err := a.Allocate(t.Context(), allocator.Request{
		Owner: eth0("a"), Pod: backend.Pod{Namespace: "default", Name: "web"}, Netns: "/run/netns/a",
	})
	require.NoError(t, err)
	want := backend.Lease{
		Addr: addr("10.0.0.2"), Owner: eth0("a"), Since: time.Date(2025, 3, 4, 4, 6, 7, 891, time.UTC),
		Boot: "b1", Pod: backend.Pod{Namespace: "default", Name: "web"}, Netns: "/run/netns/a",
	}
	require.NoError(t, store.View(t.Context(), func(tx backend.ReadTx) error {
		l, err := tx.Lease(want.Addr)
		require.Equal(t, want, l)
		return err
	}))
}

func TestAllocateTinySubnets(t *testing.T) {
	for in, want := range map[string][]string{
		"10.0.0.2/31":        {"10.0.0.2/31", "10.0.0.3/31"},
		"10.0.0.3/32":        {"10.0.0.3/32"},
		"0.0.0.0/31":         {"0.0.0.0/31", "0.0.0.1/31"},
		"255.255.255.254/31": {"255.255.255.254/31", "255.255.255.255/31"},
		"10.0.0.4/30":        {"10.0.0.6/30"},
		"fd00::2/127":        {"fd00::2/127", "fd00::3/127"},
		"fd00::3/128":        {"fd00::3/128"},
		"fd00::4/126":        {"fd00::6/126", "fd00::7/126"},
	} {
		store := memory.New()
		a := allocator.New(store, newPool(t, newSet(t, subnet(t, in))), allocator.Options{})
		for round := range 2 {
			for i, text := range want {
				require.Equal(t, []string{text}, take(t, a, fmt.Sprint(i)), in)
			}
			e := refused[*allocator.ExhaustedError](t, store, a, "late")
			require.EqualValues(t, len(want), e.Leased, "round %d", round)
			for i := range want {
				free(t, store, fmt.Sprint(i))
			}
		}
	}
}

// However much is excluded, the walk takes one step for each leasable span.
func TestAllocateJumps(t *testing.T) {
	for _, c := range []struct{ subnet, before, after, want string }{
		{"10.0.0.0/8", "10.0.0.0-10.250.3.3", "10.250.3.5-10.255.255.255", "10.250.3.4/8"},
		{"fd00::/64", "fd00::-fd00::7fff:0:0:0", "fd00::7fff:0:0:2-fd00::ffff:ffff:ffff:ffff", "fd00::7fff:0:0:1/64"},
		{"::/0", "::-fd00::", "fd00::2-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd00::1/0"},
	} {
		store := &spy{Store: memory.New()}
		a := allocator.New(store, newPool(t, newSet(t, newRange(t, allocator.RangeSpec{
			Subnet:  netip.MustParsePrefix(c.subnet),
			Exclude: []allocator.Span{span(t, c.after), span(t, c.before)},
		}))), allocator.Options{})
		require.Equal(t, []string{c.want}, take(t, a, "a"))
		refused[*allocator.ExhaustedError](t, store, a, "b")
		require.Error(t, a.Status(t.Context()))
		free(t, store, "a")
		require.Equal(t, []string{c.want}, take(t, a, "b"))
		steps := slices.DeleteFunc(store.calls, func(method string) bool { return method != "NextFree" })
		require.Len(t, steps, 4, "one for each of the three Allocates and Status")
	}
}

func TestAllocateWithCursorAnywhere(t *testing.T) {
	pool := newPool(t, newSet(t,
		newRange(t, allocator.RangeSpec{
			Subnet: netip.MustParsePrefix("10.0.0.0/29"), Gateway: addr("10.0.0.4"),
			Exclude: []allocator.Span{span(t, "10.0.0.2"), span(t, "10.0.0.6")},
		}),
		subrange(t, "10.0.1.0/24", "10.0.1.8", "10.0.1.9"),
	))
	for cursor, want := range map[string]string{
		"10.0.0.1":  "10.0.0.3/29",
		"10.0.0.2":  "10.0.0.3/29", // excluded
		"10.0.0.3":  "10.0.0.5/29",
		"10.0.0.4":  "10.0.0.5/29", // gateway
		"10.0.0.5":  "10.0.1.8/24",
		"10.0.0.6":  "10.0.1.8/24", // excluded, and the last
		"10.0.1.8":  "10.0.1.9/24",
		"10.0.1.9":  "10.0.0.1/29",
		"10.0.0.7":  "10.0.0.1/29", // in none of the ranges
		"10.0.1.10": "10.0.0.1/29",
		"fd00::1":   "10.0.0.1/29",
	} {
		store := memory.New()
		require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error { return tx.SetCursor("0", addr(cursor)) }))
		require.Equal(t, []string{want}, take(t, allocator.New(store, pool, allocator.Options{}), "a"), cursor)
	}
}

func TestUndo(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/24")), newSet(t, subnet(t, "fd00::/64")))
	a := allocator.New(store, pool, allocator.Options{OnDuplicate: allocator.ReturnExisting})
	put(t, store, backend.Lease{Addr: addr("10.0.0.9"), Owner: eth0("a")})

	got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("a")})
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.9/24", "fd00::2/64"}, texts(got))
	require.NoError(t, a.Undo(t.Context(), eth0("a"), got))
	require.Equal(t, []string{"10.0.0.9 a (eth0)", "cursors map[1:fd00::2]", "boot "}, contents(t, store),
		"an address held before stays")
	require.NoError(t, a.Undo(t.Context(), eth0("a"), got), "again")

	put(t, store, backend.Lease{Addr: addr("fd00::2"), Owner: eth0("b"), Since: time.Now()})
	require.NoError(t, a.Undo(t.Context(), eth0("a"), got))
	require.Contains(t, contents(t, store), "fd00::2 b (eth0)", "leased to another container by now")
}

func TestUndoOfNothingStartsNoTransaction(t *testing.T) {
	store := &spy{Store: memory.New()}
	a := allocator.New(store, newPool(t, newSet(t, subnet(t, "10.0.0.0/24"))), allocator.Options{})
	held := []allocator.Assignment{{Addr: netip.MustParsePrefix("10.0.0.2/24")}}
	require.NoError(t, a.Undo(t.Context(), eth0("a"), held))
	require.Empty(t, store.calls)
}
