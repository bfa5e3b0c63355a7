package allocator_test

import (
	"context"
	"iter"
	"net/netip"
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
		{"torn even if nobody is valid", []owner{{}}, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
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

// What Find says is what Collect does, and Find does not do it.
func TestSweep(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(a string, o backend.Owner, since time.Time) backend.Lease {
		return backend.Lease{Addr: addr(a), Owner: o, Since: since}
	}
	store := func(t *testing.T) *memory.Store {
		store := memory.New()
		put(t, store,
			at("10.0.0.2", eth0("used"), start),
			at("10.0.0.3", eth0("old"), start.Add(-time.Second)),
			at("10.0.0.4", eth0("just"), start),
			at("10.0.0.5", eth0("young"), start.Add(time.Hour)),
			at("10.0.0.6", eth0("undated"), time.Time{}),
		)
		require.NoError(t, store.Tear(addr("10.0.0.7")))
		return store
	}
	used := []backend.Owner{eth0("used")}
	for _, c := range []struct {
		name            string
		sweep           allocator.Sweep
		garbage, spared []string
	}{
		{
			name:    "of any age",
			sweep:   allocator.Sweep{Valid: used},
			garbage: []string{"10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"},
		},
		{
			name:    "made before",
			sweep:   allocator.Sweep{Valid: used, Before: start},
			garbage: []string{"10.0.0.3", "10.0.0.6", "10.0.0.7"},
			spared:  []string{"10.0.0.4", "10.0.0.5"},
		},
		{
			name:    "made before, within a second",
			sweep:   allocator.Sweep{Valid: used, Before: start.Add(time.Second - 1)},
			garbage: []string{"10.0.0.3", "10.0.0.6", "10.0.0.7"},
			spared:  []string{"10.0.0.4", "10.0.0.5"},
		},
		{
			name:    "made before, by a clock elsewhere",
			sweep:   allocator.Sweep{Valid: used, Before: start.Add(time.Second).In(time.FixedZone("", 19800))},
			garbage: []string{"10.0.0.3", "10.0.0.4", "10.0.0.6", "10.0.0.7"},
			spared:  []string{"10.0.0.5"},
		},
		{
			name:    "nothing is valid",
			sweep:   allocator.Sweep{Before: start},
			garbage: []string{"10.0.0.3", "10.0.0.6", "10.0.0.7"},
			spared:  []string{"10.0.0.2", "10.0.0.4", "10.0.0.5"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := store(t)
			before := contents(t, store)
			watched := &spy{Store: store}
			garbage, spared, err := c.sweep.Find(t.Context(), watched)
			require.NoError(t, err)
			require.Equal(t, c.garbage, leasedAddrs(garbage))
			require.Equal(t, c.spared, leasedAddrs(spared))
			require.NotContains(t, watched.calls, "Update")
			require.Equal(t, before, contents(t, store))

			collected, sparedToo, err := c.sweep.Collect(t.Context(), store)
			require.NoError(t, err)
			require.Equal(t, garbage, collected)
			require.Equal(t, spared, sparedToo)

			garbage, sparedToo, err = c.sweep.Find(t.Context(), store)
			require.NoError(t, err)
			require.Empty(t, garbage)
			require.Equal(t, spared, sparedToo)
		})
	}
}

// A torn lease has no owner, but a store can know its age.
func TestSweepSparesYoungTornLeases(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	store := tornSince{memory.New(), since}
	garbage, spared, err := allocator.Sweep{Before: since}.Find(t.Context(), store)
	require.NoError(t, err)
	require.Empty(t, garbage)
	require.Equal(t, []string{"10.0.0.9"}, leasedAddrs(spared))
	garbage, spared, err = allocator.Sweep{Before: since.Add(time.Second)}.Find(t.Context(), store)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.9"}, leasedAddrs(garbage))
	require.Empty(t, spared)
}

// tornSince is a store with one torn lease, of 10.0.0.9.
type tornSince struct {
	backend.Store
	since time.Time
}

func (s tornSince) View(_ context.Context, fn func(backend.ReadTx) error) error {
	return backend.ViewEmpty(func(tx backend.ReadTx) error { return fn(tornView{tx, s.since}) })
}

type tornView struct {
	backend.ReadTx
	since time.Time
}

func (v tornView) Leases(netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		yield(backend.Lease{Addr: addr("10.0.0.9"), Since: v.since}, nil)
	}
}

// What cannot be deleted keeps neither the rest from being collected, nor from
// being told of.
func TestSweepThatCannotDeleteAll(t *testing.T) {
	store := held(t)
	collected, _, err := allocator.Sweep{}.Collect(t.Context(), &sticky{store, addr("10.0.0.3")})
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, []string{"10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"}, leasedAddrs(collected))
	left, _, err := allocator.Sweep{}.Find(t.Context(), store)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.3"}, leasedAddrs(left))
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
