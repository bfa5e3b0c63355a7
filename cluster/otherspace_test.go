package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
)

// Servers with another space of the same name, made before or after, and what they say change nothing: endpoints can
// be wrong for a while.
func TestOtherSpaceOfTheName(t *testing.T) {
	older := newSpace(t)
	newHost(t, older, "a")
	right := newSpace(t)
	newer := newSpace(t)
	recovering := newSpace(t)
	other := newHost(t, recovering, "other")
	recovering.Restore(recovering.Backup())
	require.ErrorIs(t, other.Audit(t.Context()), cluster.ErrHalted)
	require.NoError(t, cluster.NewAdmin(recovering, prefix).Recover(t.Context(), "pods"))

	a := newHost(t, right, "a")
	a.lease(t, a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First)
	for name, e := range map[string]*memory.Engine{"older": older, "newer": newer, "recovering": recovering} {
		t.Run(name, func(t *testing.T) {
			for _, boot := range []string{"boot1", "boot2"} {
				before, blocks := a.state(t)
				admin := cluster.NewAdmin(e, prefix)
				halted, err := admin.Halted(t.Context(), "pods")
				require.NoError(t, err)
				hosts, err := admin.Hosts(t.Context(), "pods")
				require.NoError(t, err)

				a.engine = e
				a.boot(boot)
				require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrOtherSpace)
				_, err = a.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
				require.ErrorIs(t, err, cluster.ErrOtherSpace)
				_, err = a.GiveBack(t.Context(), 0)
				require.ErrorIs(t, err, cluster.ErrOtherSpace)

				now, err := admin.Halted(t.Context(), "pods")
				require.NoError(t, err)
				require.Equal(t, halted, now)
				nowHosts, err := admin.Hosts(t.Context(), "pods")
				require.NoError(t, err)
				require.Equal(t, hosts, nowHosts)
				after, nowBlocks := a.state(t)
				require.Equal(t, before, after)
				require.Equal(t, blocks, nowBlocks)
			}
			a.engine = right
			a.boot("boot1")
			require.NoError(t, a.Audit(t.Context()))
			require.ErrorIs(t, a.Rejoin(t.Context()), cluster.ErrNotStopped)
		})
	}
}

// A host whose space was made again by another one keeps its containers' addresses there.
func TestRejoinInASpaceMadeAgain(t *testing.T) {
	a := newHost(t, newSpace(t), "a")
	kept := a.claim(t, cluster.Want{Set: four(t), Blocks: 2})[0]
	a.lease(t, kept.First)
	a.engine = newSpace(t)
	a.boot("boot1")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrOtherSpace)
	require.NoError(t, a.Rejoin(t.Context()))
	require.NoError(t, a.Audit(t.Context()))
	_, blocks := a.state(t)
	require.Len(t, blocks, 1)
	require.Equal(t, kept.First, blocks[0].First)
}

// A space that is made again with the ID of one that was lost is the same for its hosts.
func TestSpaceMadeAgainWithItsID(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.lease(t, a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First)
	config, _, err := cluster.NewAdmin(e, prefix).Space(t.Context(), "pods")
	require.NoError(t, err)
	again := memory.New()
	admin := cluster.NewAdmin(again, prefix)
	require.NoError(t, admin.InitRecovering(t.Context(), "pods", config))
	a.engine = again
	a.boot("boot1")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	require.NoError(t, a.Audit(t.Context()))
}
