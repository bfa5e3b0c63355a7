package allocator_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

func TestCollect(t *testing.T) {
	type owner = backend.Owner
	for _, c := range []struct {
		name  string
		valid []owner
		want  []string
	}{
		{"nothing is valid", nil, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
		{"one interface", []owner{eth0("a")}, []string{"10.0.0.3", "10.0.0.5", "10.0.0.6"}},
		{"two interfaces", []owner{eth0("a"), {ContainerID: "a", IfName: "eth1"}}, []string{"10.0.0.5", "10.0.0.6"}},
		{"another interface", []owner{{ContainerID: "b", IfName: "eth1"}}, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
		{"a whole container", []owner{{ContainerID: "a"}, eth0("b")}, []string{"10.0.0.6"}},
		{"torn even if the valid owner is empty", []owner{{}}, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := held(t)
			collected, err := allocator.Collect(t.Context(), store, c.valid)
			require.NoError(t, err)
			require.Equal(t, c.want, leasedAddrs(collected))
			collected, err = allocator.Collect(t.Context(), store, c.valid)
			require.NoError(t, err)
			require.Empty(t, collected)
		})
	}
}

func TestClassify(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	boot := allocator.Boot{ID: "b1", Started: now.Add(-time.Hour)}
	from, until := now.Add(-time.Minute), now.Add(time.Minute)
	for _, c := range []struct {
		name  string
		lease backend.Lease
		want  string
	}{
		{"listed", backend.Lease{Owner: eth0("used"), Since: now}, ""},
		{"listed, of an earlier boot", backend.Lease{Owner: eth0("used"), Since: boot.Started.Add(-time.Hour), Boot: "b0"}, ""},
		{"another interface", backend.Lease{Owner: backend.Owner{ContainerID: "used", IfName: "eth1"}, Since: from.Add(-time.Second)}, "unlisted"},
		{"old", backend.Lease{Since: from.Add(-time.Second)}, "unlisted"},
		{"just young", backend.Lease{Since: from}, "young"},
		{"now", backend.Lease{Since: now}, "young"},
		{"just ahead", backend.Lease{Since: until}, "young"},
		{"far ahead", backend.Lease{Since: until.Add(time.Second)}, "unlisted"},
		{"years ahead", backend.Lease{Since: now.AddDate(9, 0, 0)}, "unlisted"},
		{"far ahead, with this boot's ID", backend.Lease{Since: until.Add(time.Hour), Boot: "b1"}, "unlisted"},
		{"undated", backend.Lease{}, "unlisted"},
		{"undated, with another boot's ID", backend.Lease{Boot: "b0"}, "unlisted"},
		{"before this boot, without an ID", backend.Lease{Since: boot.Started.Add(-time.Second)}, "earlier"},
		{"before this boot, with another ID", backend.Lease{Since: boot.Started.Add(-time.Second), Boot: "b0"}, "earlier"},
		{"before this boot, with its ID", backend.Lease{Since: boot.Started.Add(-time.Second), Boot: "b1"}, "unlisted"},
		{"this boot under another ID", backend.Lease{Since: boot.Started.Add(time.Second), Boot: "view"}, "unlisted"},
		{"this boot under another ID, young", backend.Lease{Since: now, Boot: "view"}, "young"},
		{"in use", backend.Lease{Since: from.Add(-time.Second), Netns: "there"}, "in use"},
		{"in use, ahead", backend.Lease{Since: until.Add(time.Hour), Netns: "there"}, "in use"},
		{"in use, of an earlier boot", backend.Lease{Since: boot.Started.Add(-time.Second), Netns: "there"}, "in use"},
		{"never listed", backend.Lease{Owner: eth0("build"), Since: from.Add(-time.Second)}, "never listed"},
		{"never listed, in use", backend.Lease{Owner: eth0("build"), Since: from.Add(-time.Second), Netns: "there"}, "in use"},
		{"never listed, of an earlier boot", backend.Lease{Owner: eth0("build"), Since: boot.Started.Add(-time.Second)}, "earlier"},
		{"never listed, young", backend.Lease{Owner: eth0("build"), Since: now}, "young"},
		{"never listed, but listed", backend.Lease{Owner: eth0("listed-build")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.lease.Owner.IsZero() {
				c.lease.Owner = eth0("gone")
			}
			s := garbageFilter(from, until, boot)
			require.Equal(t, c.want, classOf(s.Classify([]backend.Lease{c.lease})))

			s.From = time.Time{} // A young lease is now classified as if it were older.
			if c.want == "young" {
				c.want = "unlisted"
				if c.lease.Owner == eth0("build") {
					c.want = "never listed"
				}
			}
			require.Equal(t, c.want, classOf(s.Classify([]backend.Lease{c.lease})))
		})
	}
}

func garbageFilter(from, until time.Time, boot allocator.Boot) allocator.GarbageFilter {
	return allocator.GarbageFilter{
		Valid: []backend.Owner{eth0("used"), eth0("listed-build")},
		From:  from, Until: until, Boot: boot,
		InUse:       func(l backend.Lease) bool { return l.Netns == "there" },
		NeverListed: func(l backend.Lease) bool { return strings.HasSuffix(l.Owner.ContainerID, "build") },
	}
}

// classOf returns the name of the slice that has the only lease.
func classOf(s allocator.Candidates) (kind string) {
	for name, leases := range map[string][]backend.Lease{
		"earlier": s.DatedBeforeBoot, "unlisted": s.Unlisted, "young": s.Young, "in use": s.InUse, "never listed": s.NeverListed,
	} {
		if len(leases) > 0 {
			kind += name
		}
	}
	return kind
}

// A store can know the age of a torn lease.
func TestClassifyTornLeases(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := garbageFilter(now.Add(-time.Minute), now, allocator.Boot{Started: now.Add(-time.Hour)})
	for age, kind := range map[time.Duration]string{0: "young", 2 * time.Minute: "unlisted", 2 * time.Hour: "earlier"} {
		require.Equal(t, kind, classOf(s.Classify([]backend.Lease{{Addr: addr("10.0.0.9"), Since: now.Add(-age)}})))
	}
	require.Equal(t, "unlisted", classOf(s.Classify([]backend.Lease{{Addr: addr("10.0.0.9")}})))
}

// The zero GarbageFilter spares no lease, and without a known boot no lease is from an earlier one.
func TestZeroGarbageFilter(t *testing.T) {
	leases := []backend.Lease{
		{Addr: addr("10.0.0.2"), Owner: eth0("a"), Since: time.Unix(1, 0), Boot: "b0", Netns: "there"},
		{Addr: addr("10.0.0.3"), Since: time.Now()},
	}
	require.Equal(t, allocator.Candidates{Unlisted: leases}, allocator.GarbageFilter{}.Classify(leases))
	require.Zero(t, allocator.GarbageFilter{}.Classify(nil))
}

// InUse and NeverListed are called once for each lease, and only if it would be released
// otherwise.
func TestClassifyAsksOnce(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	old := now.Add(-2 * time.Minute)
	s := garbageFilter(now.Add(-time.Minute), now, allocator.Boot{Started: now.Add(-time.Hour)})
	var asked []string
	s.InUse = func(l backend.Lease) bool {
		asked = append(asked, l.Owner.ContainerID)
		return false
	}
	s.Classify([]backend.Lease{
		{Owner: eth0("used"), Since: old}, {Owner: eth0("young"), Since: now}, {Owner: eth0("old"), Since: old},
		{Owner: eth0("build"), Since: old}, {Owner: eth0("earlier"), Since: now.Add(-2 * time.Hour)},
	})
	require.Equal(t, []string{"old", "build", "earlier"}, asked)
}

// A lease that was released or leased again after it was read stays as it is.
func TestReleaseUnchanged(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lease := func(a, id string) backend.Lease {
		return backend.Lease{Addr: addr(a), Owner: eth0(id), Since: since, Boot: "b", Netns: "/n"}
	}
	store := memory.New()
	put(t, store, lease("10.0.0.2", "a"), lease("10.0.0.3", "b"), lease("10.0.0.4", "c"), lease("10.0.0.5", "d"), lease("10.0.0.6", "e"))
	require.NoError(t, store.Tear(addr("10.0.0.7")))
	require.NoError(t, store.Tear(addr("10.0.0.8")))
	read := leasesIn(t, store)
	for i := range read {
		read[i].Since = read[i].Since.In(time.FixedZone("", 19800)) // the same instant
	}
	later := lease("10.0.0.4", "c")
	later.Since = since.Add(time.Second)
	require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
		for _, a := range addrs("10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.8") {
			require.NoError(t, tx.Delete(a))
		}
		require.NoError(t, tx.Put(lease("10.0.0.3", "another")))
		require.NoError(t, tx.Put(lease("10.0.0.8", "written")))
		return tx.Put(later)
	}))
	released, err := allocator.ReleaseUnchanged(t.Context(), store, read)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.2", "10.0.0.6", "10.0.0.7"}, leasedAddrs(released))
	require.Equal(t, []string{"10.0.0.3 another (eth0)", "10.0.0.4 c (eth0)", "10.0.0.8 written (eth0)", "cursors map[]", "boot "}, contents(t, store))
}

// A lease file records neither the boot nor the pod nor the network namespace, so a migration between the reading
// and the release forgets them.
func TestReleaseUnchangedAfterMigration(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 7, time.UTC)
	full := backend.Lease{
		Addr: addr("10.0.0.2"), Owner: eth0("a"), Since: since,
		Boot: "b", Netns: "/n", Pod: backend.Pod{Namespace: "default", Name: "web"},
	}
	inFile := backend.Lease{Addr: full.Addr, Owner: full.Owner, Since: since}
	for name, c := range map[string]struct{ before, after backend.Lease }{"to files": {full, inFile}, "to bolt": {inFile, full}} {
		t.Run(name, func(t *testing.T) {
			store := memory.New()
			put(t, store, c.after)
			released, err := allocator.ReleaseUnchanged(t.Context(), store, []backend.Lease{c.before})
			require.NoError(t, err)
			require.Equal(t, []backend.Lease{c.after}, released, "the history must get what the store had")
		})
	}
}

// leasesIn returns all leases of a store.
func leasesIn(t *testing.T, store backend.Store) (leases []backend.Lease) {
	t.Helper()
	require.NoError(t, store.View(t.Context(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			leases = append(leases, l)
		}
		return nil
	}))
	return leases
}

// A lease that cannot be deleted prevents neither the release of the others nor their
// report.
func TestReleaseGoesOnAfterFailedDelete(t *testing.T) {
	for name, release := range map[string]func(context.Context, backend.Store) ([]backend.Lease, error){
		"Collect": func(ctx context.Context, store backend.Store) ([]backend.Lease, error) {
			return allocator.Collect(ctx, store, nil)
		},
		"ReleaseUnchanged": func(ctx context.Context, store backend.Store) ([]backend.Lease, error) {
			return allocator.ReleaseUnchanged(ctx, store, leasesIn(t, store))
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := held(t)
			released, err := release(t.Context(), &sticky{store, addr("10.0.0.3")})
			require.ErrorIs(t, err, errBroken)
			require.Equal(t, []string{"10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"}, leasedAddrs(released))
			require.Equal(t, []string{"10.0.0.3"}, leasedAddrs(leasesIn(t, store)))
		})
	}
}

// A sticky store cannot delete one of its leases.
type sticky struct {
	backend.Store
	stuck netip.Addr
}

func (s *sticky) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.Store.Update(ctx, func(tx backend.Tx) error { return fn(stickyTx{tx, s.stuck}) })
}

type stickyTx struct {
	backend.Tx
	stuck netip.Addr
}

func (t stickyTx) Delete(addr netip.Addr) error {
	if addr == t.stuck {
		return errBroken
	}
	return t.Tx.Delete(addr)
}
