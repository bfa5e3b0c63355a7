package cluster_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
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
	require.Equal(t, []string{"a", "b"}, names(r.Reported))
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	blocks, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, held[0].First, blocks[0].First)
}

// A host that is stopped is told what is known of why: an eviction only if there was one.
func TestWhyAHostIsStopped(t *testing.T) {
	const forgotten = "the servers do not know it: they were restored from a backup, or are others than before, or the space was made again"
	const replaced = "the servers know another host under its name, which has joined after it, or before it if they were restored from a backup"
	const evicted = "it was evicted from the space"
	check := func(h *host, why string) {
		t.Helper()
		err := h.Attest(t.Context())
		require.ErrorIs(t, err, cluster.ErrStopped)
		for _, text := range []string{forgotten, replaced, evicted} {
			if text == why {
				require.ErrorContains(t, err, text)
			} else {
				require.NotContains(t, err.Error(), text)
			}
		}
		differ, err := h.Differences(t.Context())
		require.NoError(t, err)
		require.Contains(t, strings.Join(differ, "\n"), why)
	}
	e, a, b := restored(t)
	require.NoError(t, cluster.NewAdmin(e, prefix).Recover(t.Context(), "pods"))
	b.boot("boot2")
	check(b, forgotten)
	evict(t, e, "a")
	check(a, evicted)

	e = newSpace(t)
	a, b = newHost(t, e, "a"), newHost(t, e, "b")
	evict(t, e, "a")
	newHost(t, e, "a")
	check(a, replaced)

	// The space is made again on other servers.
	m, _ := b.state(t)
	e = memory.New()
	require.NoError(t, cluster.NewAdmin(e, prefix).InitRecovering(t.Context(), "pods", cluster.Config{
		ID: m.Seen.Space.String(), Block4: 4, Block6: 256, Ranges: []string{"10.0.0.0-10.0.0.15", "fd00::/64"},
	}))
	b.engine = e
	b.boot("boot2")
	check(b, forgotten)
}
