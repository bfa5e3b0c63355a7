package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

var podWeb = backend.Pod{Namespace: "shop", Name: "web-0"}

// historyOf returns the ended leases as "address container cause".
func historyOf(t *testing.T, store backend.Store) (lines []string) {
	t.Helper()
	require.NoError(t, store.View(context.Background(), func(tx backend.ReadTx) error {
		for e, err := range tx.(backend.HistoryReadTx).History() {
			require.NoError(t, err)
			require.Equal(t, podWeb, e.Pod)
			require.Equal(t, time.UTC, e.Until.Location())
			lines = append(lines, fmt.Sprint(e.Addr, " ", e.Owner.ContainerID, " ", e.Cause))
		}
		return nil
	}))
	return lines
}

// Each way in which a lease ends is recorded, once, and no other way.
func TestHistoryHasWhatEndsALease(t *testing.T) {
	ctx := context.Background()
	keep := allocator.History{Keep: 100}
	holder := eth0("held")
	for want, end := range map[string]func(store backend.Store) error{
		"DEL": func(s backend.Store) error {
			_, err := allocator.Release(ctx, s, holder)
			return err
		},
		"GC": func(s backend.Store) error {
			_, err := allocator.Collect(ctx, s, nil)
			return err
		},
		"release": func(s backend.Store) error {
			_, err := allocator.ReleaseContainer(ctx, s, holder)
			return err
		},
	} {
		store := memory.New()
		a := allocator.New(store, newPool(t, newSet(t, subnet(t, "10.0.0.0/29"))), allocator.Options{History: keep})
		_, err := a.Allocate(ctx, allocator.Request{Owner: holder, Pod: podWeb})
		require.NoError(t, err)
		require.Empty(t, historyOf(t, store))
		require.NoError(t, end(store))
		require.NoError(t, end(store))
		require.Equal(t, []string{"10.0.0.2 held " + want}, historyOf(t, store))
	}
}

func TestHistoryLacksWhatHasNotHappened(t *testing.T) {
	ctx := context.Background()
	store := memory.New()
	a := allocator.New(store, newPool(t, newSet(t, subnet(t, "10.0.0.0/29"))), allocator.Options{
		History: allocator.History{Keep: 9}, OnDuplicate: allocator.ReturnExisting,
	})
	r := allocator.Request{Owner: eth0("c"), Pod: podWeb}
	got, err := a.Allocate(ctx, r)
	require.NoError(t, err)
	require.NoError(t, a.Undo(ctx, r.Owner, got))
	_, err = a.Allocate(ctx, r)
	require.NoError(t, err)
	_, err = a.Allocate(ctx, r) // which renews the lease
	require.NoError(t, err)
	require.Empty(t, historyOf(t, store))
}

// A lease of an earlier boot ended when the machine did.
func TestHistoryOfAReboot(t *testing.T) {
	ctx := context.Background()
	store := memory.New()
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	options := func(boot string, started, now time.Time) allocator.Options {
		return allocator.Options{
			History: allocator.History{Keep: 9}, ReleaseEarlierBoots: true,
			Boot: allocator.Boot{ID: boot, Started: started}, Now: func() time.Time { return now },
		}
	}
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/29")))
	_, err := allocator.New(store, pool, options("one", made.Add(-time.Hour), made)).
		Allocate(ctx, allocator.Request{Owner: eth0("before"), Pod: podWeb})
	require.NoError(t, err)
	rebooted := made.Add(time.Hour)
	_, err = allocator.New(store, pool, options("two", rebooted, rebooted.Add(time.Minute))).
		Allocate(ctx, allocator.Request{Owner: eth0("after"), Pod: podWeb})
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.2 before boot"}, historyOf(t, store))
	require.NoError(t, store.View(ctx, func(tx backend.ReadTx) error {
		for e := range tx.(backend.HistoryReadTx).History() {
			require.Equal(t, rebooted, e.Until)
		}
		return nil
	}))
}

// endMany leases and releases n addresses, one after the other.
func endMany(t *testing.T, store backend.Store, h allocator.History, n int) {
	t.Helper()
	ctx := context.Background()
	a := allocator.New(store, newPool(t, newSet(t, subnet(t, "10.0.0.0/24"))), allocator.Options{History: h})
	for i := range n {
		o := eth0(fmt.Sprint("c", i))
		_, err := a.Allocate(ctx, allocator.Request{Owner: o, Pod: podWeb})
		require.NoError(t, err)
		_, err = allocator.Release(ctx, store, o)
		require.NoError(t, err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	store := memory.New()
	endMany(t, store, allocator.History{}, 3)
	require.Empty(t, historyOf(t, store), "none are kept")
	endMany(t, store, allocator.History{Keep: 10}, 30)
	require.Len(t, historyOf(t, store), 10)
	require.Contains(t, historyOf(t, store)[9], "c29")

	// A smaller one takes effect a few at a time.
	endMany(t, store, allocator.History{Keep: 2}, 1)
	require.Len(t, historyOf(t, store), 7)
	endMany(t, store, allocator.History{Keep: 2}, 2)
	require.Len(t, historyOf(t, store), 2)
	endMany(t, store, allocator.History{}, 1)
	require.Empty(t, historyOf(t, store))
}

func TestHistoryDropsWhatIsTooOld(t *testing.T) {
	ctx := context.Background()
	store := memory.New()
	now := time.Now()
	record := func(ages ...time.Duration) {
		require.NoError(t, store.Update(ctx, func(tx backend.Tx) error {
			for _, age := range ages {
				l := backend.Lease{Addr: addr("10.0.0.9"), Owner: eth0(age.String()), Pod: podWeb}
				require.NoError(t, tx.(backend.HistoryTx).Record(backend.Ended{Lease: l, Until: now.Add(-age)}))
			}
			return nil
		}))
	}
	record(3*time.Hour, 2*time.Hour, -time.Hour, 30*time.Minute)
	endMany(t, store, allocator.History{Keep: 100, For: time.Hour}, 1)
	require.Equal(t, []string{"10.0.0.9 -1h0m0s unknown", "10.0.0.9 30m0s unknown", "10.0.0.2 c0 DEL"}, historyOf(t, store))

	require.True(t, allocator.History{For: time.Hour}.IsExpired(backend.Ended{Until: now.Add(-2 * time.Hour)}, now))
	require.False(t, allocator.History{For: time.Hour}.IsExpired(backend.Ended{}, now), "not known")
	require.False(t, allocator.History{}.IsExpired(backend.Ended{Until: now.Add(-2 * time.Hour)}, now), "without limit")
}

func TestForget(t *testing.T) {
	ctx := context.Background()
	store := memory.New()
	endMany(t, store, allocator.History{Keep: 5000}, 2100)
	n, err := allocator.Forget(ctx, store, func(e backend.Ended) bool { return e.Owner.ContainerID == "c7" })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = allocator.ForgetAll(ctx, store)
	require.NoError(t, err)
	require.Equal(t, 2100, n)
	require.Empty(t, historyOf(t, store))
	n, err = allocator.ForgetAll(ctx, store)
	require.NoError(t, err)
	require.Zero(t, n)
}

// A disk that is full keeps no lease from ending.
func TestLeaseEndsWithoutBeingRecorded(t *testing.T) {
	ctx := context.Background()
	store := fullStore{memory.New()}
	a := allocator.New(store, newPool(t, newSet(t, subnet(t, "10.0.0.0/29"))), allocator.Options{History: allocator.History{Keep: 9}})
	_, err := a.Allocate(ctx, allocator.Request{Owner: eth0("c"), Pod: podWeb})
	require.NoError(t, err)
	released, err := allocator.Release(ctx, store, eth0("c"))
	require.NoError(t, err)
	require.Len(t, released, 1)
	require.Empty(t, historyOf(t, store))
}

// A fullStore has no room for a history.
type fullStore struct{ backend.Store }

func (s fullStore) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.Store.Update(ctx, func(tx backend.Tx) error { return fn(fullTx{tx.(backend.HistoryTx)}) })
}

type fullTx struct{ backend.HistoryTx }

func (fullTx) Record(backend.Ended) error { return backend.ErrNoSpace }

// ends returns the ways to end the lease of 10.0.0.2 to eth0("a").
func ends(ctx context.Context) map[string]func(backend.Store) error {
	return map[string]func(backend.Store) error{
		"DEL":     func(s backend.Store) error { _, err := allocator.Release(ctx, s, eth0("a")); return err },
		"GC":      func(s backend.Store) error { _, err := allocator.Collect(ctx, s, nil); return err },
		"release": func(s backend.Store) error { _, err := allocator.ReleaseAddrs(ctx, s, addrs("10.0.0.2")); return err },
	}
}

// If a lease cannot be recorded for another reason, it does not end: it would be released, and be
// neither among the released ones nor in the history.
func TestLeaseThatCannotBeRecordedStays(t *testing.T) {
	ctx := context.Background()
	for name, end := range ends(ctx) {
		store := memory.New()
		_, err := allocator.New(store, onePool(t), allocator.Options{History: allocator.History{Keep: 9}}).
			Allocate(ctx, allocator.Request{Owner: eth0("a")})
		require.NoError(t, err)
		require.ErrorIs(t, end(brokenStore{store}), errDisk, name)
		require.NoError(t, store.View(ctx, func(tx backend.ReadTx) error {
			_, err := tx.Lease(addr("10.0.0.2"))
			return err
		}), name)
	}
}

// A brokenStore is on a disk that fails when a lease is recorded.
type brokenStore struct{ backend.Store }

func (s brokenStore) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.Store.Update(ctx, func(tx backend.Tx) error { return fn(brokenTx{tx.(backend.HistoryTx)}) })
}

type brokenTx struct{ backend.HistoryTx }

func (brokenTx) Record(backend.Ended) error { return errDisk }

var errDisk = errors.New("input/output error")

// A forgetful is a store whose history is damaged.
type forgetful struct{ backend.Store }

func (s forgetful) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.Store.Update(ctx, func(tx backend.Tx) error { return fn(forgetfulTx{tx.(coolingHistoryTx)}) })
}

type coolingHistoryTx interface {
	backend.HistoryTx
	backend.CoolingTx
}

type forgetfulTx struct{ coolingHistoryTx }

func (forgetfulTx) Policy() (string, error)          { return "keep=10 reuse=1h", nil }
func (forgetfulTx) HistoryLen() (int, error)         { return 0, backend.ErrDamaged }
func (forgetfulTx) Record(backend.Ended) error       { return backend.ErrDamaged }
func (forgetfulTx) DropOldest(int) error             { return backend.ErrDamaged }
func (forgetfulTx) Cool(netip.Addr, time.Time) error { return backend.ErrDamaged }

// A lease that has to end ends though the history is damaged. An Allocate fails.
func TestLeasesEndThoughTheHistoryIsDamaged(t *testing.T) {
	ctx := context.Background()
	for name, end := range ends(ctx) {
		store := memory.New()
		_, err := allocator.New(store, onePool(t), allocator.Options{}).Allocate(ctx, allocator.Request{Owner: eth0("a")})
		require.NoError(t, err)
		require.NoError(t, end(forgetful{store}), name)
		require.NoError(t, store.View(ctx, func(tx backend.ReadTx) error {
			_, err := tx.Lease(addr("10.0.0.2"))
			require.ErrorIs(t, err, backend.ErrNotFound)
			return nil
		}))
	}
	store := memory.New()
	_, err := allocator.New(store, onePool(t), allocator.Options{Boot: allocator.Boot{ID: "a"}}).Allocate(ctx, allocator.Request{Owner: eth0("a")})
	require.NoError(t, err)
	b := allocator.Boot{ID: "b", Started: time.Now().Add(time.Hour)}
	_, err = allocator.New(forgetful{store}, onePool(t), allocator.Options{
		History: allocator.History{Keep: 10}, Boot: b, ReleaseEarlierBoots: true,
	}).Allocate(ctx, allocator.Request{Owner: eth0("b")})
	require.ErrorIs(t, err, backend.ErrDamaged)
}

// What was made is what was undone, what has ended and what is held.
func TestCountsHaveWhatBecameOfEachLease(t *testing.T) {
	ctx := context.Background()
	store := memory.New()
	a := allocator.New(store, onePool(t), allocator.Options{OnDuplicate: allocator.ReturnExisting})
	lease := func(id string) []allocator.Assignment {
		got, err := a.Allocate(ctx, allocator.Request{Owner: eth0(id)})
		require.NoError(t, err)
		return got
	}
	for i := range 9 {
		lease(fmt.Sprint("c", i))
	}
	lease("c0") // renews
	require.NoError(t, a.Undo(ctx, eth0("c9"), lease("c9")))
	for range 2 {
		_, err := allocator.Release(ctx, store, eth0("c1"))
		require.NoError(t, err)
	}
	_, err := allocator.ReleaseContainer(ctx, store, eth0("c2"))
	require.NoError(t, err)
	_, err = allocator.Collect(ctx, store, []backend.Owner{eth0("c0"), eth0("c3")})
	require.NoError(t, err)
	require.NoError(t, store.View(ctx, func(tx backend.ReadTx) error {
		got, err := tx.(backend.HistoryReadTx).Counts()
		want := backend.Counts{Made: 10, Undone: 1}
		want.Ended[backend.EndedByDEL], want.Ended[backend.EndedByRelease], want.Ended[backend.EndedByGC] = 1, 1, 5
		require.WithinDuration(t, time.Now(), got.Gap, time.Minute, "the history is off")
		require.WithinDuration(t, time.Now(), got.Renewed, time.Minute)
		want.Gap, want.Renewed = got.Gap, got.Renewed
		require.Equal(t, want, got)
		return err
	}))
}

// As after a migration from a store of another kind.
func TestLeaseEndsBeforeTheFirstAllocate(t *testing.T) {
	ctx := context.Background()
	moved := func(t *testing.T) *memory.Store {
		store := memory.New()
		require.NoError(t, store.Update(ctx, func(tx backend.Tx) error {
			return tx.Put(backend.Lease{Addr: addr("10.0.0.2"), Owner: eth0("c"), Since: time.Unix(1_760_000_000, 0).UTC(), Pod: podWeb})
		}))
		return store
	}
	for cause, end := range map[string]func(backend.Store) error{
		"DEL": func(s backend.Store) error { _, err := allocator.Release(ctx, s, eth0("c")); return err },
		"GC":  func(s backend.Store) error { _, err := allocator.Collect(ctx, s, nil); return err },
	} {
		store := moved(t)
		require.NoError(t, end(store))
		require.Equal(t, []string{"10.0.0.2 c " + cause}, historyOf(t, store))
	}

	store := moved(t)
	require.NoError(t, store.Update(ctx, func(tx backend.Tx) error {
		for range 3 {
			l := backend.Lease{Addr: addr("10.0.0.3"), Owner: eth0("old"), Pod: podWeb, Since: time.Unix(1_700_000_000, 0).UTC()}
			if err := tx.(backend.HistoryTx).Record(backend.Ended{Lease: l, Until: l.Since, Cause: backend.EndedByDEL}); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := allocator.Release(ctx, store, eth0("c"))
	require.NoError(t, err)
	require.Len(t, historyOf(t, store), 4, "no Allocate has said how long to keep leases that ended in 2023")

	store = moved(t)
	none := allocator.New(store, onePool(t), allocator.Options{})
	_, err = none.Allocate(ctx, allocator.Request{Owner: eth0("d")})
	require.NoError(t, err)
	_, err = allocator.Release(ctx, store, eth0("c"))
	require.NoError(t, err)
	require.Empty(t, historyOf(t, store), "an Allocate has said that no history is kept")
}
