package cluster_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	leases "github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
)

// A copy of a store that made the later requests of the host before the restore, and was off during the
// recovery, must not halt the space that was recovered without it.
func TestRecoveryWithoutACopy(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	other := &host{store: leases.New(), engine: e, name: "a"}
	a.copyTo(t, other.store, func(*backend.Membership) {})
	backup := e.Backup()
	other.boot("boot1")
	other.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	e.Restore(backup)
	require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrHalted)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))

	other.boot("boot2")
	require.ErrorIs(t, other.Audit(t.Context()), cluster.ErrStopped)
	require.NoError(t, a.Audit(t.Context()))

	// What is lost after the recovery still halts it, also if only the record of the host shows it, because
	// much was written since to other keys.
	backup = e.Backup()
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	e.Restore(backup)
	for range 100 {
		_, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Put("another", nil)}})
		require.NoError(t, err)
		_, err = e.Commit(t.Context(), cluster.Txn{If: []cluster.Condition{cluster.Absent("another")}, Then: []cluster.Op{cluster.Put("another", nil)}})
		require.NoError(t, err)
	}
	_, err := a.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrHalted)
}

// A copy has seen a recovery that the servers have forgotten, and was off during the next one.
func TestRecoveryWithoutACopyAfterAForgottenOne(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	admin := cluster.NewAdmin(e, prefix)
	recoverFrom := func(backup memory.Backup) {
		e.Restore(backup)
		require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrHalted)
		require.NoError(t, admin.Recover(t.Context(), "pods"))
		require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
		require.NoError(t, admin.Recovered(t.Context(), "pods"))
		require.NoError(t, a.Audit(t.Context()))
	}
	backup := e.Backup()
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	recoverFrom(backup)
	other := &host{store: leases.New(), engine: e, name: "a"}
	a.copyTo(t, other.store, func(*backend.Membership) {})
	other.boot("boot1")
	other.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	other.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	recoverFrom(backup)
	require.ErrorIs(t, other.Audit(t.Context()), cluster.ErrStopped)
	require.NoError(t, a.Audit(t.Context()))
}

// The servers that were lost are used again, after a recovery on those that were made of their backup. They do not
// know what hosts have claimed since, and hosts know of a recovery that these servers do not know.
func TestServersOfBeforeARecovery(t *testing.T) {
	lost := newSpace(t)
	a, b := newHost(t, lost, "a"), newHost(t, lost, "b")
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	made := memory.NewCluster(2)
	made.Restore(lost.Backup())
	admin := cluster.NewAdmin(made, prefix)
	use := func(e *memory.Engine) {
		for _, h := range []*host{a, b} {
			h.engine = e
			h.boot("boot1")
		}
	}
	use(made)
	require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrHalted)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	for _, h := range []*host{a, b} {
		require.ErrorIs(t, h.Attest(t.Context()), cluster.ErrReported)
	}
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	a.claim(t, cluster.Want{Set: four(t), Blocks: 2})

	use(lost)
	_, err := b.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 2})
	require.ErrorIs(t, err, cluster.ErrHalted)
}

// The servers are set back into a recovery that had ended: a host that has got blocks since reports again.
func TestServersSetBackIntoARecovery(t *testing.T) {
	e, a, b := restored(t)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	for _, h := range []*host{a, b} {
		require.ErrorIs(t, h.Attest(t.Context()), cluster.ErrReported)
	}
	disk := e.Backup()
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	got := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0]
	e.SetBack(disk)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	holders, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(holders, func(h cluster.HeldBlock) bool { return h.First == got.First }))
}

// A host whose dispute was resolved reports, and is killed before that is in its store. The block in which it
// has leases is its own, and it leases from it again after the recovery.
func TestRecoveryKilledAfterTheReport(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	block := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0]
	backup := e.Backup()
	_, err := a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	b.claim(t, cluster.Want{Set: four(t), Addr: block.First})
	b.lease(t, block.First)
	e.Restore(backup)
	admin := cluster.NewAdmin(e, prefix)
	require.ErrorIs(t, b.Audit(t.Context()), cluster.ErrHalted)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrDisputed)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported, "it has given the block back")
	killed := cluster.NewMember(&killedStore{b.store, 1}, e, cluster.Options{
		Identity: cluster.Identity{Boot: "boot1", Machine: "machine of b"}, Prefix: prefix,
	})
	require.ErrorIs(t, killed.Attest(t.Context()), errKilled)
	_, blocks := b.state(t)
	require.Equal(t, backend.Closing, blocks[0].State)
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))

	require.NoError(t, b.Attest(t.Context()))
	m, blocks := b.state(t)
	require.Equal(t, backend.Open, blocks[0].State)
	require.NotZero(t, m.Seen.Recovery)
	b.lease(t, block.Last)
	require.NoError(t, b.Audit(t.Context()))
}

// A store is put back that is older than the report of its host, which has left a block out.
func TestRecoveryWithAStoreOfBeforeTheReport(t *testing.T) {
	e := newSpace(t)
	a, _ := newCaching(t, e, &kept{})
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	b := newHost(t, e, "b")
	backup := e.Backup()
	block := b.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0]
	e.Restore(backup)
	_, err := a.Claim(t.Context(), cluster.Want{Set: four(t), Addr: block.First})
	require.ErrorIs(t, err, cluster.ErrHalted, "it was done before the restore showed")
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))

	old := leases.New()
	b.copyTo(t, old, func(*backend.Membership) {})
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	_, blocks := b.state(t)
	require.Empty(t, blocks, "the servers have it for a")
	b.store = old
	b.boot("boot1")
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	_, blocks = b.state(t)
	require.Empty(t, blocks)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	require.NoError(t, b.Audit(t.Context()))
	require.NoError(t, a.Audit(t.Context()))
}

// A store is put back that is older than the backup of the servers. A host that joins waits.
func TestRecoveryWithAStoreOfBeforeTheBackup(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	old := leases.New()
	a.copyTo(t, old, func(*backend.Membership) {})
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	backup := e.Backup()
	b.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	e.Restore(backup)
	require.ErrorIs(t, b.Audit(t.Context()), cluster.ErrHalted)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	held, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)

	c := &host{store: leases.New(), engine: e, name: "c"}
	c.boot("boot1")
	require.ErrorContains(t, c.Join(t.Context(), "dc1", "pods", "c"), "this host can join when that is done")
	a.store = old
	a.boot("boot1")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)
	now, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.Equal(t, held, now, "what it holds stays its own")
}

// The space was made again with blocks of another size: a host that has leases from its larger blocks must not report
// a part of them and go on leasing from the whole, and the other way round.
func TestReportToASpaceWithOtherBlocks(t *testing.T) {
	for _, size := range []uint64{1, 2, 8} {
		lost := newSpace(t) // It has blocks of four.
		a := newHost(t, lost, "a")
		block := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0]
		a.lease(t, block.First)
		before, _ := a.state(t)
		e := memory.New()
		admin := cluster.NewAdmin(e, prefix)
		require.NoError(t, admin.InitRecovering(t.Context(), "pods", cluster.Config{
			ID: before.Seen.Space.String(), Block4: size, Ranges: []string{"10.0.0.0-10.0.0.15"},
		}))
		a.engine = e
		a.boot("boot1")
		for range 2 {
			require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrOtherBlocks)
		}
		after, blocks := a.state(t)
		require.Equal(t, before, after)
		require.Equal(t, []backend.Block{block}, blocks)
		held, err := admin.Blocks(t.Context(), "pods")
		require.NoError(t, err)
		require.Empty(t, held)
	}
}

var errKilled = errors.New("killed")

// A killedStore makes some updates.
type killedStore struct {
	backend.Store
	left int
}

func (s *killedStore) Update(ctx context.Context, fn func(backend.Tx) error) error {
	if s.left--; s.left < 0 {
		return errKilled
	}
	return s.Store.Update(ctx, fn)
}
