package cluster_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// A host keeps a block whose addresses are withheld: the next host does not know when they were released.
func TestGiveBackOfWithheldAddresses(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	released := time.Unix(1_700_000_000, 0)
	held := a.claim(t, cluster.Want{Set: four(t), Blocks: 3})
	require.Len(t, held, 3)
	require.NoError(t, a.store.Update(t.Context(), func(tx backend.Tx) error {
		return tx.(backend.CoolingTx).Cool(held[1].Last, released)
	}))
	giveBack := func(after time.Duration, c allocator.Cooldown) []backend.Block {
		t.Helper()
		a.Member = cluster.NewMember(a.store, e, cluster.Options{
			Identity: cluster.Identity{Boot: "boot1", Machine: "machine of a"}, Prefix: prefix, Cooldown: c,
			Now: func() time.Time { return released.Add(after) },
		})
		given, err := a.GiveBack(t.Context(), 0)
		require.NoError(t, err)
		return given
	}
	strict := allocator.Cooldown{ReuseAfter: time.Hour, Strict: true}
	require.Len(t, giveBack(59*time.Minute, strict), 2)
	require.Empty(t, giveBack(59*time.Minute, strict))
	_, left := a.state(t)
	require.Len(t, left, 1)
	require.Equal(t, held[1].First, left[0].First)
	require.Equal(t, backend.Open, left[0].State)
	require.Len(t, giveBack(time.Hour, strict), 1)

	held = a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	require.NoError(t, a.store.Update(t.Context(), func(tx backend.Tx) error {
		return tx.(backend.CoolingTx).Cool(held[0].First, released)
	}))
	require.Len(t, giveBack(time.Minute, allocator.Cooldown{ReuseAfter: time.Hour}), 1, "it may be leased if no other is free")
}
