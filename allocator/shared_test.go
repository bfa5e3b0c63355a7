package allocator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// share makes store a shared one, attested in the boot b1, that holds the blocks.
func share(t *testing.T, store backend.Store, blocks ...allocator.Span) {
	setMembership(t, store, backend.Membership{Space: "pods", Host: "node-1", Attested: b1().ID})
	require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
		for _, b := range blocks {
			if err := tx.(backend.SharedTx).PutBlock(backend.Block{First: b.First, Last: b.Last, State: backend.Open}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func setMembership(t *testing.T, store backend.Store, m backend.Membership) {
	require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
		return tx.(backend.SharedTx).SetMembership(m)
	}))
}

func TestSharedStore(t *testing.T) {
	store, pool := memory.New(), newPool(t, newSet(t, subnet(t, "10.0.0.0/28")))
	a := allocator.New(store, pool, allocator.Options{Boot: b1()})
	share(t, store, span(t, "10.0.0.0/31"), span(t, "10.0.0.4/31"), span(t, "10.0.0.14/31"))
	require.Equal(t, []string{"10.0.0.4/28"}, take(t, a, "a"), "not the gateway, which is in a block, too")
	require.Equal(t, []string{"10.0.0.5/28"}, take(t, a, "b"))
	require.NoError(t, a.Status(t.Context()))
	require.Equal(t, []string{"10.0.0.14/28"}, take(t, a, "c"))

	e := refused[*allocator.ExhaustedError](t, store, a, "late")
	require.EqualError(t, e, "no IP addresses available in range set: 10.0.0.1-10.0.0.14 (3 held by this host, all leased, 1 excluded or gateway)")
	require.True(t, e.Shared)
	require.ErrorAs(t, a.Status(t.Context()), &e)

	held := refused[*allocator.NotHeldError](t, store, a, "late", "10.0.0.6")
	require.ErrorIs(t, held, backend.ErrNotHeld)
	require.EqualError(t, held, "requested IP address 10.0.0.6 is not available in range set 10.0.0.1-10.0.0.14: address is in no block that this host holds")
	refused[*allocator.TakenError](t, store, a, "late", "10.0.0.5")
}

// Leases that end in blocks that the host does not hold make no room.
func TestSharedStoreWithTornLeasesElsewhere(t *testing.T) {
	store, pool := memory.New(), newPool(t, newSet(t, subnet(t, "10.0.0.0/28")))
	a := allocator.New(store, pool, allocator.Options{Boot: b1()})
	require.NoError(t, store.Tear(addr("10.0.0.9")))
	share(t, store)
	e := refused[*allocator.ExhaustedError](t, store, a, "a")
	require.Zero(t, e.Leased)
}

func TestMembershipError(t *testing.T) {
	store, pool := memory.New(), newPool(t, newSet(t, subnet(t, "10.0.0.0/28")))
	for text, m := range map[string]backend.Membership{
		"they have not confirmed its addresses since the machine was booted": {Attested: "b0"},
		"its store was restored or repaired, and was not compared":           {Attested: ""},
		"may not lease any now: evicted":                                     {Attested: "b1", Stopped: "evicted"},
	} {
		m.Space, m.Host = "pods", "node-1"
		share(t, store, span(t, "10.0.0.4/30"))
		setMembership(t, store, m)
		a := allocator.New(store, pool, allocator.Options{Boot: b1()})
		e := refused[*allocator.MembershipError](t, store, a, "a")
		require.ErrorContains(t, e, "host node-1 shares the addresses of pods with other hosts")
		require.ErrorContains(t, e, text)
		if err := a.Status(t.Context()); m.Stopped == "" {
			require.NoError(t, err, "a node that waits to be confirmed does not lose its pods")
		} else {
			require.ErrorAs(t, err, &e)
		}
	}
	for _, s := range []backend.Store{store, memory.New()} {
		a := allocator.New(s, pool, allocator.Options{Boot: b1(), Space: "other"})
		e := refused[*allocator.MembershipError](t, s, a, "a")
		require.EqualError(t, e, "the addresses of other are shared with other hosts, and this store is not a member")
		require.ErrorAs(t, a.Status(t.Context()), &e)
	}
	share(t, store, span(t, "10.0.0.4/30"))
	require.Equal(t, []string{"10.0.0.4/28"}, take(t, allocator.New(store, pool, allocator.Options{Boot: b1(), Space: "pods"}), "right"))
	for _, b := range []allocator.Boot{{}, {ID: "b2"}} {
		refused[*allocator.MembershipError](t, store, allocator.New(store, pool, allocator.Options{Boot: b}), "a")
	}
	// What is leased can always be released.
	a := allocator.New(store, pool, allocator.Options{Boot: b1()})
	take(t, a, "a")
	setMembership(t, store, backend.Membership{Space: "pods", Host: "node-1", Stopped: "evicted"})
	free(t, store, "a")
	require.NotContains(t, contents(t, store), "10.0.0.4 a")
}
