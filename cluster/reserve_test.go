package cluster_test

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
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

	// What is added to an incomplete list frees nothing.
	reserve("10.0.0.14")
	more, err := admin.ReserveMore(t.Context(), "pods", "whereabouts", []netip.Addr{ip("10.0.0.9")})
	require.NoError(t, err)
	require.Equal(t, cluster.Reservation{Blocks: 2}, more)
	require.Equal(t, cluster.Reservation{Freed: 2}, reserve())

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

// A block with addresses of two owners is held until both have freed it, in whatever order.
func TestReserveOneBlockForTwo(t *testing.T) {
	e := newSpace(t)
	admin := cluster.NewAdmin(e, prefix)
	a := newHost(t, e, "a")
	reserve := func(owner string, blocks, freed int, addrs ...string) {
		t.Helper()
		var all []netip.Addr
		for _, addr := range addrs {
			all = append(all, ip(addr))
		}
		r, err := admin.Reserve(t.Context(), "pods", owner, all)
		require.NoError(t, err)
		require.Equal(t, cluster.Reservation{Blocks: blocks, Freed: freed}, r)
	}
	holders := func(want ...string) {
		t.Helper()
		b, ok, err := admin.Who(t.Context(), "pods", ip("10.0.0.8"))
		require.NoError(t, err)
		require.Equal(t, len(want) > 0, ok)
		if ok {
			require.Equal(t, want, b.Holders())
		}
		wrong, err := admin.Verify(t.Context(), "pods")
		require.NoError(t, err)
		require.Empty(t, wrong)
		_, err = a.Claim(t.Context(), cluster.Want{Set: four(t), Addr: ip("10.0.0.9")})
		if ok {
			require.ErrorIs(t, err, cluster.ErrNoBlocks)
			return
		}
		require.NoError(t, err)
		_, err = a.GiveBack(t.Context(), 0)
		require.NoError(t, err)
	}
	reserve("one", 1, 0, "10.0.0.8")
	for range 2 {
		reserve("two", 2, 0, "10.0.0.9", "10.0.0.4")
		holders("one", "two")
	}
	reserve("three", 1, 0, "10.0.0.10")
	reserve("one", 0, 0)
	holders("two", "three")
	reserve("three", 0, 0)
	holders("two")
	reserve("one", 1, 0, "10.0.0.8")
	holders("two", "one")
	reserve("two", 0, 1)
	holders("one")
	reserve("one", 0, 1)
	holders()

	// An eviction frees what the others do not hold.
	reserve("one", 1, 0, "10.0.0.8")
	reserve("two", 2, 0, "10.0.0.9", "10.0.0.4")
	require.Equal(t, 1, evict(t, e, "two"))
	holders("one")
	reserve("two", 1, 0, "10.0.0.9")
	holders("one", "two")
	require.Equal(t, 0, evict(t, e, "one"))
	holders("two")
	require.Equal(t, 1, evict(t, e, "two"))
	holders()
}

// Two owners that reserve and free one block at the same time, while a host wants it, do not lose it.
func TestReserveOneBlockAtOnce(t *testing.T) {
	e := newSpace(t)
	admin := cluster.NewAdmin(e, prefix)
	a := newHost(t, e, "a")
	stays := []netip.Addr{ip("10.0.0.8")}
	_, err := admin.Reserve(t.Context(), "pods", "stays", stays)
	require.NoError(t, err)
	var all sync.WaitGroup
	for _, owner := range []string{"one", "two", "three"} {
		all.Go(func() {
			for i := range 60 {
				_, err := admin.Reserve(t.Context(), "pods", owner, []netip.Addr{ip("10.0.0.9"), ip("10.0.0.2")}[:i%3])
				assert.NoError(t, err)
			}
		})
	}
	all.Go(func() {
		for range 60 {
			_, err := a.Claim(t.Context(), cluster.Want{Set: four(t), Addr: ip("10.0.0.10")})
			assert.ErrorIs(t, err, cluster.ErrNoBlocks)
		}
	})
	all.Wait()
	wrong, err := admin.Verify(t.Context(), "pods")
	require.NoError(t, err)
	require.Empty(t, wrong)
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

func TestOverlapping(t *testing.T) {
	admin := cluster.NewAdmin(newSpace(t), prefix)
	for want, in := range map[string][]string{
		"pods": {"10.9.0.0-10.9.0.1", "10.0.0.15-10.0.0.40"}, "": {"10.0.0.16-10.0.0.40", "fd01::/64"},
	} {
		other, err := admin.Overlapping(t.Context(), "more", cluster.Config{Ranges: in})
		require.NoError(t, err)
		require.Equal(t, want, other)
	}
	itself, err := admin.Overlapping(t.Context(), "pods", cluster.Config{Ranges: []string{"10.0.0.0-10.0.0.15"}})
	require.NoError(t, err)
	require.Empty(t, itself)
}

// Servers that are restored from a backup show it until their log has had as many entries that write nothing
// as the margin says, also after a recovery.
func TestMargin(t *testing.T) {
	const margin = 300
	e := memory.New()
	admin := cluster.NewAdmin(e, prefix).WithMargin(margin, 8)
	require.NoError(t, admin.Init(t.Context(), "pods", cluster.Config{Block4: 4, Ranges: []string{"10.0.0.0-10.0.0.15"}}))
	a := newHost(t, e, "a")
	for range 2 {
		e.Restore(e.Backup())
		for range margin - 10 {
			out, err := e.Commit(t.Context(), cluster.Txn{If: []cluster.Condition{cluster.Present("nothing")}, Then: []cluster.Op{cluster.Put("x", nil)}})
			require.NoError(t, err)
			require.False(t, out.Held)
		}
		require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrHalted)
		require.NoError(t, admin.Recover(t.Context(), "pods"))
		require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
		require.NoError(t, admin.Recovered(t.Context(), "pods"))
		require.NoError(t, a.Attest(t.Context()))
	}
}
