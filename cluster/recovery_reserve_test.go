package cluster_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
)

// What the engine says of a host that has not reported is no reason to leave an address out: the host may have given
// the block back since the backup, and frees it with its report.
func TestReserveInARecovery(t *testing.T) {
	e := newSpace(t)
	admin := cluster.NewAdmin(e, prefix)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	stale := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First
	backup := e.Backup()
	_, err := a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	addrs := []netip.Addr{stale}
	_, err = admin.Reserve(t.Context(), "pods", "whereabouts", addrs)
	require.NoError(t, err)
	b.lease(t, b.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First)
	e.Restore(backup)
	require.ErrorIs(t, b.Audit(t.Context()), cluster.ErrHalted)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)

	_, err = admin.Reserve(t.Context(), "pods", "whereabouts", addrs)
	require.ErrorIs(t, err, cluster.ErrHalted)
	require.ErrorContains(t, err, "when these hosts have reported what they hold, or were evicted: a")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.ErrorContains(t, admin.Recovered(t.Context(), "pods"), "were not evicted: whereabouts", "it was not in the backup")
	reserved, err := admin.Reserve(t.Context(), "pods", "whereabouts", addrs)
	require.NoError(t, err)
	require.Equal(t, cluster.Reservation{Blocks: 1}, reserved)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	_, err = b.Claim(t.Context(), cluster.Want{Set: four(t), Addr: stale})
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
}

// disputed returns an engine that is being recovered. The host b has reported; a holds a block without leases, of
// which the engine knows, and has leases in one that a reservation had in the backup.
func disputed(t *testing.T) (e *memory.Engine, a, b *host, unused, leased netip.Addr) {
	t.Helper()
	e = newSpace(t)
	admin := cluster.NewAdmin(e, prefix)
	a, b = newHost(t, e, "a"), newHost(t, e, "b")
	unused = a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First
	b.lease(t, b.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First)
	leased = b.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First
	_, err := b.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	_, err = admin.Reserve(t.Context(), "pods", "whereabouts", []netip.Addr{leased})
	require.NoError(t, err)
	backup := e.Backup()
	_, err = admin.Reserve(t.Context(), "pods", "whereabouts", nil)
	require.NoError(t, err)
	a.claim(t, cluster.Want{Set: four(t), Addr: leased})
	a.lease(t, leased)
	e.Restore(backup)
	require.ErrorIs(t, b.Audit(t.Context()), cluster.ErrHalted)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrDisputed)
	return e, a, b, unused, leased
}

// reserving returns a function that reserves addresses for whereabouts.
func reserving(t *testing.T, admin *cluster.Admin) func(addrs ...netip.Addr) cluster.Reservation {
	return func(addrs ...netip.Addr) cluster.Reservation {
		t.Helper()
		r, err := admin.Reserve(t.Context(), "pods", "whereabouts", addrs)
		require.NoError(t, err)
		return r
	}
}

// A reservation that is gone does not keep a host from reporting.
func TestReserveInADispute(t *testing.T) {
	e, a, _, _, leased := disputed(t)
	admin := cluster.NewAdmin(e, prefix)
	reserve := reserving(t, admin)
	require.Equal(t, cluster.Reservation{Freed: 1}, reserve())
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.Equal(t, []cluster.TakenAddr{{Addr: leased, Host: "a"}}, reserve(leased).Taken, "it is twice in use")
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
}

// What a host could not report in an earlier recovery says nothing of this one.
func TestReserveAfterAnEarlierDispute(t *testing.T) {
	e, a, b, unused, _ := disputed(t)
	admin := cluster.NewAdmin(e, prefix)
	reserve := reserving(t, admin)
	backup := e.Backup()
	reserve()
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	_, err := a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	reserve(unused)
	e.Restore(backup)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)

	require.Equal(t, []cluster.TakenAddr{{Addr: unused, Host: "a", Unsure: true}}, reserve(unused).Taken)
	require.Zero(t, hostNamed(t, e, "whereabouts").Reported)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.Equal(t, cluster.Reservation{Blocks: 1}, reserve(unused))
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
}
