package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
)

// names returns the names of hosts.
func names(hosts []cluster.Host) (all []string) {
	for _, h := range hosts {
		all = append(all, h.Name)
	}
	return all
}

// What keeps a recovery from its end is named as it is, and not as a change that came first.
func TestRecoveryState(t *testing.T) {
	e, a, b := restored(t)
	admin := cluster.NewAdmin(e, prefix)
	state := func() cluster.Recovery {
		t.Helper()
		r, err := admin.Recovery(t.Context(), "pods")
		require.NoError(t, err)
		return r
	}
	r := state()
	require.False(t, r.Begun, "an operator has not begun it")
	require.Equal(t, []string{"a"}, names(r.Missing))
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	r = state()
	require.True(t, r.Begun)
	require.Equal(t, []string{"a"}, names(r.Missing))
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	err := admin.Recovered(t.Context(), "pods")
	require.ErrorIs(t, err, cluster.ErrUnreported)
	require.NotErrorIs(t, err, cluster.ErrConflict)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.Empty(t, state().Missing)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	_, err = admin.Recovery(t.Context(), "pods")
	require.ErrorIs(t, err, cluster.ErrNotHalted)
	require.NotErrorIs(t, err, cluster.ErrConflict)
}

// A host that was evicted before the backup can have joined again since, which no list has.
func TestRecoveryNamesWhoWasEvictedBefore(t *testing.T) {
	e := newSpace(t)
	a, b, c := newHost(t, e, "a"), newHost(t, e, "b"), newHost(t, e, "c")
	evict(t, e, "b")
	backup := e.Backup()
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrStopped)
	require.NoError(t, b.Forget(t.Context()))
	require.NoError(t, b.Join(t.Context(), "dc1", "pods", "b"))
	held := b.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	b.lease(t, held[0].First)
	e.Restore(backup)
	require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrHalted)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	r, err := admin.Recovery(t.Context(), "pods")
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, names(r.Evicted))
	require.Equal(t, []string{"a", "c"}, names(r.Missing))

	evict(t, e, "c") // It is seen in this recovery that it is gone.
	c.boot("boot2")
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	r, err = admin.Recovery(t.Context(), "pods")
	require.NoError(t, err)
	require.Empty(t, r.Missing)
	require.Empty(t, r.Evicted)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	blocks, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, held[0].First, blocks[0].First)
}
