package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// A slow store delays each Delete and records what its transactions did.
type slow struct {
	backend.Store
	each    time.Duration
	updates []txStats
	views   []txStats
	after   func(updates int) error // called after each successful Update, which returns its error
}

// txStats counts what one transaction did.
type txStats struct {
	read, deleted int
	took          time.Duration
}

func (s *slow) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	return s.Store.View(ctx, func(tx backend.ReadTx) error {
		w := txStats{}
		defer func() { s.views = append(s.views, w) }()
		return fn(&slowReadTx{tx, &w})
	})
}

func (s *slow) Update(ctx context.Context, fn func(backend.Tx) error) error {
	err := s.Store.Update(ctx, func(tx backend.Tx) error {
		w, began := txStats{}, time.Now()
		defer func() {
			w.took = time.Since(began)
			s.updates = append(s.updates, w)
		}()
		return fn(&slowTx{tx, &w, s.each})
	})
	if err == nil && s.after != nil {
		err = s.after(len(s.updates))
	}
	return err
}

type slowReadTx struct {
	backend.ReadTx
	stats *txStats
}

func (t *slowReadTx) Lease(addr netip.Addr) (backend.Lease, error) {
	t.stats.read++
	return t.ReadTx.Lease(addr)
}

func (t *slowReadTx) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for l, err := range t.ReadTx.Leases(from) {
			t.stats.read++
			if !yield(l, err) {
				return
			}
		}
	}
}

type slowTx struct {
	backend.Tx
	stats *txStats
	each  time.Duration
}

func (t *slowTx) Delete(addr netip.Addr) error {
	t.stats.deleted++
	time.Sleep(t.each)
	return t.Tx.Delete(addr)
}

// many returns a slow store in which n containers hold an address each, from 10.0.0.1 on.
func many(t *testing.T, n int, each time.Duration) *slow {
	t.Helper()
	store := memory.New()
	require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
		for i := range n {
			l := backend.Lease{Addr: nth(i), Owner: eth0(fmt.Sprint("c", i)), Boot: "b0", Since: beforeB1()}
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		return nil
	}))
	return &slow{Store: store, each: each}
}

// nth returns the address of the i-th container.
func nth(i int) netip.Addr {
	i++
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func sizes(all []txStats) (deleted []int) {
	for _, w := range all {
		deleted = append(deleted, w.deleted)
	}
	return deleted
}

// However long it takes to release a lease, no portion holds the lock for long; where
// releasing is fast there are few transactions.
func TestPortions(t *testing.T) {
	const n = 6000
	for each, want := range map[time.Duration]struct {
		updates int
		longest time.Duration
	}{
		0:                      {8, 0},
		5 * time.Microsecond:   {8, 15 * time.Millisecond},
		50 * time.Microsecond:  {13, 30 * time.Millisecond},
		100 * time.Microsecond: {24, 30 * time.Millisecond},
		time.Millisecond:       {24, 256 * time.Millisecond},
	} {
		t.Run(each.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := many(t, n, each)
				read, err := allocator.ReadLeases(t.Context(), store)
				require.NoError(t, err)
				released, err := allocator.ReleaseUnchanged(t.Context(), store, read)
				require.NoError(t, err)
				require.Equal(t, read, released)
				require.Len(t, store.updates, want.updates, "%v", sizes(store.updates))
				longest := slices.MaxFunc(store.updates, func(a, b txStats) int { return int(a.took - b.took) })
				require.LessOrEqual(t, longest.took, want.longest)
				require.Equal(t, 256, store.updates[0].deleted)
			})
		})
	}
}

// Portions shrink when the machine becomes slower.
func TestPortionsShrink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := many(t, 6000, 0)
		store.after = func(updates int) error {
			if updates == 3 {
				store.each = time.Millisecond
			}
			return nil
		}
		_, err := allocator.ReleaseUnchanged(t.Context(), store, leasesIn(t, store))
		require.NoError(t, err)
		require.Equal(t, []int{256, 512, 1024, 1024, 512, 256, 256}, sizes(store.updates)[:7])
	})
}

// Reading does not hold the lock for long either.
func TestReadLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // The store needs no time to begin.
		for _, n := range []int{0, 1, 4095, 4096, 4097, 8192, 10_000} {
			store := many(t, n, 0)
			read, err := allocator.ReadLeases(t.Context(), store)
			require.NoError(t, err)
			require.Equal(t, leasesIn(t, store.Store), read)
			for _, w := range store.views {
				require.LessOrEqual(t, w.read, 4097)
			}
			require.LessOrEqual(t, len(store.views), n/4096+1)
		}
	})
	store := many(t, 1, 0)
	put(t, store, backend.Lease{Addr: addr("255.255.255.255"), Owner: eth0("last")}, backend.Lease{Addr: addr("::"), Owner: eth0("first")})
	read, err := allocator.ReadLeases(t.Context(), store)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.1", "255.255.255.255", "::"}, leasedAddrs(read))
}

// A caller can stop reading, and has what was read before an error.
func TestReadPortions(t *testing.T) {
	store := many(t, 10_000, 0)
	var sizes []int
	require.NoError(t, allocator.ReadPortions(t.Context(), store, func(some []backend.Lease) error {
		sizes = append(sizes, len(some))
		return nil
	}))
	require.Greater(t, len(sizes), 1)
	sum := 0
	for _, n := range sizes {
		sum += n
	}
	require.Equal(t, 10_000, sum)

	enough := errors.New("enough")
	calls := 0
	require.ErrorIs(t, allocator.ReadPortions(t.Context(), store, func([]backend.Lease) error { calls++; return enough }), enough)
	require.Equal(t, 1, calls)
}

// A late store takes a time until it has the first lease, and a time for each.
type late struct {
	backend.Store
	opening, each time.Duration
	read          []int // leases, in each View
}

func (s *late) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	return s.Store.View(ctx, func(tx backend.ReadTx) error {
		s.read = append(s.read, 0)
		return fn(lateTx{tx, s})
	})
}

type lateTx struct {
	backend.ReadTx
	store *late
}

func (t lateTx) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		time.Sleep(t.store.opening)
		for l, err := range t.ReadTx.Leases(from) {
			time.Sleep(t.store.each)
			t.store.read[len(t.store.read)-1]++
			if !yield(l, err) {
				return
			}
		}
	}
}

// Portions are large enough that most of their time is spent on leases.
func TestReadPortionsGrow(t *testing.T) {
	for opening, want := range map[time.Duration][]int{
		0:                      {4097, 4097, 4097, 4097, 3616},
		40 * time.Millisecond:  {4097, 4097, 4097, 4097, 3616},
		50 * time.Millisecond:  {4097, 8193, 7712},
		100 * time.Millisecond: {4097, 8193, 7712},
		time.Second:            {4097, 8193, 7712},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := &late{Store: many(t, 20_000, 0).Store, opening: opening, each: 10 * time.Microsecond}
			leases, err := allocator.ReadLeases(t.Context(), store)
			require.NoError(t, err)
			require.Len(t, leases, 20_000)
			require.Equal(t, want, store.read, opening)
		})
	}
}

// releases lists all functions that can release many leases.
func releases() map[string]func(context.Context, backend.Store) ([]backend.Lease, error) {
	return map[string]func(context.Context, backend.Store) ([]backend.Lease, error){
		"Collect": func(ctx context.Context, s backend.Store) ([]backend.Lease, error) {
			return allocator.Collect(ctx, s, nil)
		},
		"ReleaseAddrs": func(ctx context.Context, s backend.Store) ([]backend.Lease, error) {
			all, err := allocator.ReadLeases(ctx, s)
			if err != nil {
				return nil, err
			}
			var addrs []netip.Addr
			for _, l := range all {
				addrs = append(addrs, l.Addr, l.Addr)
			}
			return allocator.ReleaseAddrs(ctx, s, addrs)
		},
		"Release": func(ctx context.Context, s backend.Store) ([]backend.Lease, error) {
			return allocator.Release(ctx, s, backend.Owner{ContainerID: "all"})
		},
	}
}

// ofOne returns a store in which one container holds n addresses.
func ofOne(t *testing.T, n int) *slow {
	t.Helper()
	store := memory.New()
	var leases []backend.Lease
	for i := range n {
		leases = append(leases, backend.Lease{Addr: nth(i), Owner: eth0("all")})
	}
	put(t, store, leases...)
	return &slow{Store: store}
}

// The leases of a container are released in one transaction; thousands are not.
func TestFewInOneTransaction(t *testing.T) {
	for name, release := range releases() {
		t.Run(name, func(t *testing.T) {
			store := ofOne(t, 256)
			released, err := release(t.Context(), store)
			require.NoError(t, err)
			require.Len(t, released, 256)
			require.Equal(t, []int{256}, sizes(store.updates))
			if name == "Collect" {
				require.Empty(t, store.views, "read in another transaction")
			}

			store = ofOne(t, 6000)
			released, err = release(t.Context(), store)
			require.NoError(t, err)
			require.Len(t, released, 6000)
			require.Empty(t, leasesIn(t, store.Store))
			require.LessOrEqual(t, slices.Max(sizes(store.updates)), 1024)
		})
	}
}

// The leases released before an error are returned with it.
func TestReleasePartly(t *testing.T) {
	for name, release := range releases() {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			store := ofOne(t, 1000)
			store.after = func(updates int) error {
				if updates == 2 {
					interrupt()
				}
				return nil
			}
			released, err := release(ctx, store)
			require.ErrorIs(t, err, context.Canceled)
			require.Len(t, released, 1000-len(leasesIn(t, store.Store)))
			require.Len(t, store.updates, 2)

			store = ofOne(t, 1000)
			shutLater := &failAfter{Store: store, updates: 2}
			released, err = release(t.Context(), shutLater)
			require.ErrorIs(t, err, errBroken)
			require.ErrorContains(t, err, "leases were released, the others were not: broken")
			require.Len(t, released, 1000-len(leasesIn(t, store.Store)))
			require.NotEmpty(t, released)
		})
	}
}

// A failAfter store fails to begin an Update after a number of them.
type failAfter struct {
	backend.Store
	updates int
}

func (s *failAfter) Update(ctx context.Context, fn func(backend.Tx) error) error {
	if s.updates == 0 {
		return errBroken
	}
	s.updates--
	return s.Store.Update(ctx, fn)
}

// One address that is not leased prevents the release of all, however many there are. An
// address that is leased again after the check stays leased.
func TestReleaseManyAddrs(t *testing.T) {
	const n = 9000
	store := many(t, n, 0)
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = nth(n - 1 - i)
	}
	var unleased *allocator.UnleasedError
	_, err := allocator.ReleaseAddrs(t.Context(), store, slices.Concat([]netip.Addr{nth(n)}, addrs, []netip.Addr{nth(n + 1)}))
	require.ErrorAs(t, err, &unleased)
	require.Equal(t, []netip.Addr{nth(n), nth(n + 1)}, unleased.Addrs)
	require.Len(t, leasesIn(t, store.Store), n)

	store.after = func(updates int) error {
		if updates == 1 { // after the first portion
			require.NoError(t, store.Store.Update(t.Context(), func(tx backend.Tx) error {
				return tx.Delete(nth(0))
			}))
			put(t, store.Store, backend.Lease{Addr: nth(0), Owner: eth0("new")})
		}
		return nil
	}
	released, err := allocator.ReleaseAddrs(t.Context(), store, addrs)
	require.NoError(t, err)
	require.Len(t, released, n-1)
	require.Equal(t, addrs[0], released[0].Addr, "in the order of the addresses")
	require.Equal(t, []string{"10.0.0.1 new (eth0)", "cursors map[]", "boot "}, contents(t, store))
}

// After a reboot that leaves many leases an ADD does not wait for the release of all of
// them, and those left do not get in its way.
func TestManyOfEarlierBoots(t *testing.T) {
	const n = 3000
	wide := newPool(t, newSet(t, subnet(t, "10.0.0.0/16")))
	a := func(s backend.Store, p allocator.Pool) *allocator.Allocator { return releasing(s, p, b1(), sinceB1()) }

	store := many(t, n, 0)
	take(t, a(store, wide), "new")
	require.Equal(t, []int{1024}, sizes(store.updates))
	require.Equal(t, []string{nth(n-1).String() + "/16"}, take(t, a(store, wide), "by name", nth(n-1).String()), "an ended lease")
	take(t, a(store, wide), fmt.Sprint("c", n-2)) // which holds an ended lease
	require.Equal(t, []int{1024, 1024 + 1, n - 2048 - 1}, sizes(store.updates))
	require.Contains(t, contents(t, store), "boot b1 2026-05-06T08:08:09Z")
	require.Len(t, leasesIn(t, store.Store), 3)

	// The pool is full of ended leases that are not in the first portion.
	store = many(t, n, 0)
	last := nth(n - 1)
	full := newPool(t, newSet(t, subrange(t, "10.0.0.0/16", last.Prev().String(), last.String())))
	require.NoError(t, a(store, full).Status(t.Context()))
	take(t, a(store, full), "new")
	require.NotContains(t, contents(t, store), "boot b1 2026-05-06T08:08:09Z")
	take(t, a(store, full), fmt.Sprint("c", n-1))
}

// Torn leases that fill a pool are released in portions too.
func TestManyTornLeases(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/21")))
	for i := range 2046 {
		require.NoError(t, store.Tear(nth(i)))
	}
	counting := &slow{Store: store}
	take(t, allocator.New(counting, pool, allocator.Options{}), "a")
	require.Equal(t, []int{1024}, sizes(counting.updates))
}
