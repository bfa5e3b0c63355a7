package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	leases "github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/cluster"
)

func emptyStore() *leases.Store { return leases.New() }

// imported returns a host with a block in which it has leases, as it is after an import of what it exported before it
// got another block and lost an empty one, and the store that it had until then.
func imported(t *testing.T, e cluster.Engine) (h, old *host, kept backend.Block) {
	t.Helper()
	old = newHost(t, e, "a")
	kept = old.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0]
	old.lease(t, kept.First)
	h = &host{store: emptyStore(), engine: e, name: "a"}
	old.copyTo(t, h.store, func(m *backend.Membership) { *m = m.Doubted() })
	h.lease(t, kept.First)
	h.boot("boot1")
	old.claim(t, cluster.Want{Set: four(t), Blocks: 2})
	require.ErrorIs(t, h.Attest(t.Context()), cluster.ErrStopped)
	return h, old, kept
}

func (h *host) replace(t *testing.T) error { return h.Replace(t.Context(), "dc1", "pods", h.name) }

// A store that was put back takes the place of the later one, and the blocks of its leases are at no time free.
func TestReplace(t *testing.T) {
	for boot := range 2 {
		e := newSpace(t)
		a, old, kept := imported(t, e)
		var own *cluster.NameError
		require.ErrorAs(t, a.Rejoin(t.Context()), &own)
		require.True(t, own.Own)
		if boot > 0 {
			a.boot("boot2")
		}
		before, err := e.Range(t.Context(), prefix+"/1/pods/block/", prefix+"/1/pods/block0", false)
		require.NoError(t, err)
		require.Len(t, before, 3)
		require.NoError(t, a.replace(t))

		after, err := e.Range(t.Context(), prefix+"/1/pods/block/", prefix+"/1/pods/block0", false)
		require.NoError(t, err)
		require.Len(t, after, 1)
		require.Contains(t, before, after[0], "it was not written, so it was not free either")
		_, blocks := a.state(t)
		require.Len(t, blocks, 1)
		require.Equal(t, kept.First, blocks[0].First)
		require.Equal(t, backend.Open, blocks[0].State)
		require.NoError(t, a.Audit(t.Context()))
		require.Len(t, a.claim(t, cluster.Want{Set: four(t), Blocks: 3}), 3)
		require.ErrorIs(t, old.Attest(t.Context()), cluster.ErrStopped, "it is in use after all")
		require.NoError(t, a.Attest(t.Context()))
	}
}

// Wherever Replace is interrupted, it can be repeated, and no other host gets the addresses that are leased.
func TestReplaceInterrupted(t *testing.T) {
	for calls := 0; ; calls++ {
		e := newSpace(t)
		b := newHost(t, e, "b")
		a, _, kept := imported(t, e)
		a.engine = failing{e, calls}.engine()
		a.boot("boot1")
		failed := a.replace(t)
		_, err := b.Claim(t.Context(), cluster.Want{Set: four(t), Addr: kept.First})
		require.ErrorIs(t, err, cluster.ErrNoBlocks, "%d calls", calls)
		a.engine = e
		a.boot("boot1")
		if failed != nil {
			require.ErrorIs(t, failed, cluster.ErrUnknown)
			if err := a.replace(t); err != nil {
				require.ErrorIs(t, err, cluster.ErrNotStopped, "%d calls", calls) // only the last step was missing
			}
		}
		require.NoError(t, a.Audit(t.Context()))
		_, blocks := a.state(t)
		require.Equal(t, kept.First, blocks[0].First)
		if failed == nil {
			require.Greater(t, calls, 4)
			return
		}
	}
}

// Replace takes no other host's place.
func TestReplaceOnlyItself(t *testing.T) {
	e := newSpace(t)
	a, _, kept := imported(t, e)
	a.name = "another machine"
	a.boot("boot1")
	require.ErrorIs(t, a.Replace(t.Context(), "dc1", "pods", "a"), cluster.ErrNameTaken)
	a.name = "a"
	a.boot("boot1")
	require.ErrorIs(t, newHost(t, e, "b").replace(t), cluster.ErrNotStopped)

	// Another host got the block of a lease, after an eviction that was no good idea.
	evict(t, e, "a")
	b := newHost(t, e, "c")
	b.claim(t, cluster.Want{Set: four(t), Addr: kept.First})
	require.ErrorIs(t, a.replace(t), cluster.ErrDisputed)

}

// A store that is no member, with leases or without, can take the place of one that is gone.
func TestReplaceByAStoreMadeAgain(t *testing.T) {
	for leases := range 2 {
		e := newSpace(t)
		_, _, kept := imported(t, e)
		a := &host{store: emptyStore(), engine: e, name: "a"}
		a.boot("boot1")
		if leases > 0 {
			a.lease(t, kept.First)
		}
		require.ErrorIs(t, a.Adopt(t.Context(), "dc1", "pods", "a"), cluster.ErrNameTaken)
		require.NoError(t, a.replace(t))
		require.NoError(t, a.Audit(t.Context()))
		_, blocks := a.state(t)
		require.Len(t, blocks, leases)
		held, err := cluster.NewAdmin(e, prefix).Blocks(t.Context(), "pods")
		require.NoError(t, err)
		require.Len(t, held, leases)
		b := newHost(t, e, "b")
		require.NoError(t, b.Attest(t.Context()))
		c := &host{store: emptyStore(), engine: e, name: "c"}
		c.boot("boot1")
		require.NoError(t, c.replace(t), "as Adopt, where there is no such host")
	}
}

// In a recovery other hosts do not know yet what they hold.
func TestReplaceInARecovery(t *testing.T) {
	e := newSpace(t)
	b := newHost(t, e, "b")
	a, old, _ := imported(t, e)
	e.Restore(e.Backup())
	require.ErrorIs(t, old.Audit(t.Context()), cluster.ErrHalted)
	require.ErrorIs(t, a.replace(t), cluster.ErrHalted)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorContains(t, a.replace(t), "evict this host, and let it rejoin before the recovery is ended")
	require.Equal(t, 3, evict(t, e, "a"))
	require.NoError(t, a.replace(t))
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	require.NoError(t, a.Audit(t.Context()))
}
