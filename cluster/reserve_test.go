package cluster_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
)

func TestReserve(t *testing.T) {
	e := newSpace(t)
	admin := cluster.NewAdmin(e, prefix)
	a := newHost(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Addr: ip("10.0.0.4")})
	reserve := func(addrs ...string) cluster.Reservation {
		t.Helper()
		var all []netip.Addr
		for _, addr := range addrs {
			all = append(all, ip(addr))
		}
		r, err := admin.Reserve(t.Context(), "pods", "whereabouts", all)
		require.NoError(t, err)
		return r
	}
	require.Equal(t, cluster.Reservation{
		Blocks:  3,
		Taken:   []cluster.TakenAddr{{Addr: ip("10.0.0.5"), Host: "a"}},
		Outside: []netip.Addr{ip("10.0.0.16"), ip("10.9.9.9")},
	}, reserve("10.0.0.8", "10.0.0.9", "10.0.0.9", "10.9.9.9", "10.0.0.5", "fd00::1", "10.0.0.0", "10.0.0.16"))
	require.Len(t, a.claim(t, cluster.Want{Set: four(t), Blocks: 9}), 1, "what nobody holds")
	require.True(t, hostNamed(t, e, "whereabouts").Foreign)

	require.Equal(t, cluster.Reservation{Blocks: 2, Freed: 1}, reserve("10.0.0.9", "10.0.0.2"))
	require.Equal(t, cluster.Reservation{Freed: 2}, reserve())
	require.Len(t, a.claim(t, cluster.Want{Set: four(t), Blocks: 9}), 2)
	_, err := a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	wrong, err := admin.Verify(t.Context(), "pods")
	require.NoError(t, err)
	require.Empty(t, wrong)

	// Evicting it frees what it holds, and it can begin again.
	reserve("10.0.0.14")
	require.Equal(t, 1, evict(t, e, "whereabouts"))
	require.Equal(t, cluster.Reservation{Blocks: 1}, reserve("10.0.0.14"))
	require.False(t, hostNamed(t, e, "whereabouts").Evicted)
	reserve()

	_, err = admin.Reserve(t.Context(), "pods", "a", nil)
	require.ErrorIs(t, err, cluster.ErrNameTaken)
	_, err = admin.Reserve(t.Context(), "other", "whereabouts", nil)
	require.ErrorIs(t, err, cluster.ErrNoSpace)
}

// Reservations are reported to servers that were restored, and halt the space if they are the first
// to see it.
func TestReserveAfterRestore(t *testing.T) {
	e := newSpace(t)
	admin := cluster.NewAdmin(e, prefix)
	backup := e.Backup()
	addrs := []netip.Addr{ip("10.0.0.5")}
	_, err := admin.Reserve(t.Context(), "pods", "whereabouts", addrs)
	require.NoError(t, err)
	e.Restore(backup)
	for range 2 {
		_, err = admin.Reserve(t.Context(), "pods", "whereabouts", addrs)
		require.ErrorIs(t, err, cluster.ErrHalted)
	}
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	_, err = admin.Reserve(t.Context(), "pods", "whereabouts", addrs)
	require.NoError(t, err)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	b, ok, err := admin.Who(t.Context(), "pods", ip("10.0.0.6"))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "whereabouts", b.Host)
}
