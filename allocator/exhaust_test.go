package allocator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// The only free address is found wherever it is, and wherever the cursor is. Without it the
// set is exhausted.
func TestExhaustionWithAnyCursor(t *testing.T) {
	pool := newPool(t, newSet(t,
		subrange(t, "10.0.1.0/24", "10.0.1.0", "10.0.1.3"),
		subrange(t, "10.0.0.0/24", "10.0.0.9", "10.0.0.9"),
		subrange(t, "10.0.2.0/24", "10.0.2.254", "10.0.2.255"),
	))
	all := addrs("10.0.1.0", "10.0.1.2", "10.0.1.3", "10.0.0.9", "10.0.2.254", "10.0.2.255")
	for _, cursor := range append(all, addrs("10.0.1.1", "10.5.5.5")...) {
		store := memory.New()
		require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error { return tx.SetCursor("0", cursor) }))
		for i, a := range all {
			put(t, store, backend.Lease{Addr: a, Owner: eth0(fmt.Sprint(i))})
		}
		alloc := allocator.New(store, pool, allocator.Options{})
		e := refused[*allocator.ExhaustedError](t, store, alloc, "late")
		require.EqualValues(t, 6, e.Leased)
		require.EqualValues(t, 1, e.Withheld)
		require.ErrorAs(t, alloc.Status(t.Context()), &e)

		for i, a := range all {
			free(t, store, fmt.Sprint(i))
			require.NoError(t, alloc.Status(t.Context()))
			require.Equal(t, []string{a.String() + "/24"}, take(t, alloc, fmt.Sprint(i)), "cursor %s", cursor)
		}
	}
}

func TestExhaustedError(t *testing.T) {
	store := memory.New()
	a := allocator.New(store, dual(t), allocator.Options{})
	for i := range 4 {
		take(t, a, fmt.Sprint(i))
	}
	e := refused[*allocator.ExhaustedError](t, store, a, "late")
	require.Equal(t, 0, e.Index)
	require.Equal(t, dual(t).Sets()[0], e.Set)
	require.EqualError(t, e, "no IP addresses available in range set: 10.0.0.1-10.0.0.6 (4 leased, 2 excluded or gateway)")
	_, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0("late")})
	require.ErrorContains(t, err, "failed to allocate for range 0: no IP addresses available in range set: ")

	free(t, store, "0")
	for _, six := range addrs("fd00::2", "fd00::6", "fd00::7") {
		put(t, store, backend.Lease{Addr: six, Owner: eth0("other")})
	}
	e = refused[*allocator.ExhaustedError](t, store, a, "late", "10.0.0.2")
	require.Equal(t, 1, e.Index, "and nothing of set 0 is leased either")
}

func TestNothingLeasable(t *testing.T) {
	r := subrange(t, "10.0.0.0/24", "10.0.0.1", "10.0.0.1")
	store := memory.New()
	a := allocator.New(store, newPool(t, newSet(t, r)), allocator.Options{})
	e := refused[*allocator.ExhaustedError](t, store, a, "a")
	require.Zero(t, e.Leased)
	require.EqualValues(t, 1, e.Withheld)
}

func TestTornLeasesAreReleasedLast(t *testing.T) {
	store := memory.New()
	a := allocator.New(store, dual(t), allocator.Options{})
	for _, s := range []string{"10.0.0.2", "10.0.0.5", "10.0.0.6", "10.0.0.1", "fd00::3"} {
		require.NoError(t, store.Tear(addr(s)))
	}
	require.Equal(t, []string{"10.0.0.3/29", "fd00::2/125"}, take(t, a, "a"))
	require.Equal(t, []string{"10.0.0.4/29", "fd00::4/125"}, take(t, a, "b"))
	require.NoError(t, a.Status(t.Context()), "torn leases count as free")
	require.Contains(t, contents(t, store), "10.0.0.2 unknown", "Status changes nothing")

	require.Equal(t, []string{"10.0.0.6/29", "fd00::5/125"}, take(t, a, "c"), "after the cursor")
	require.Equal(t, []string{"10.0.0.2/29", "fd00::6/125"}, take(t, a, "d"))
	after := contents(t, store)
	require.Contains(t, after, "10.0.0.1 unknown", "releasing the gateway's lease would free no address")
	require.Contains(t, after, "10.0.0.5 unknown", "nor would an excluded address's")
	require.Contains(t, after, "fd00::3 unknown", "set 1 is not exhausted")

	refused[*allocator.ExhaustedError](t, store, a, "e")
	var e *allocator.ExhaustedError
	require.ErrorAs(t, a.Status(t.Context()), &e)
}

func TestTornLeasesStayIfAnotherSetFails(t *testing.T) {
	store := memory.New()
	a := allocator.New(store, newPool(t, newSet(t, subnet(t, "10.0.0.2/32")), newSet(t, subnet(t, "fd00::2/128"))), allocator.Options{})
	require.NoError(t, store.Tear(addr("10.0.0.2")))
	put(t, store, backend.Lease{Addr: addr("fd00::2"), Owner: eth0("a")})
	e := refused[*allocator.ExhaustedError](t, store, a, "b")
	require.Equal(t, 1, e.Index)
}

// b1 is the present boot in the tests.
func b1() allocator.Boot {
	return allocator.Boot{ID: "b1", Started: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
}

func beforeB1() time.Time { return b1().Started.Add(-time.Hour) }

func sinceB1() time.Time { return b1().Started.Add(time.Hour) }

func TestEarlierBoots(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/29")))
	put(t, store,
		backend.Lease{Addr: addr("10.0.0.2"), Owner: eth0("a"), Boot: "b0", Since: beforeB1()},
		backend.Lease{Addr: addr("10.0.0.3"), Owner: eth0("b"), Boot: "b1", Since: sinceB1()},
		backend.Lease{Addr: addr("10.0.0.4"), Owner: eth0("c"), Since: beforeB1()},
		backend.Lease{Addr: addr("10.0.0.5"), Owner: eth0("d"), Boot: "b0", Since: beforeB1()},
		backend.Lease{Addr: addr("10.0.0.6"), Owner: eth0("e"), Boot: "view", Since: sinceB1()},
		backend.Lease{Addr: addr("10.7.7.7"), Owner: eth0("f"), Boot: "b0", Since: beforeB1()},
	)
	for _, o := range []allocator.Options{
		{},
		{Boot: b1()},
		{ReleaseEarlierBoots: true},
		{ReleaseEarlierBoots: true, Boot: allocator.Boot{ID: "b1"}},
		{ReleaseEarlierBoots: true, Boot: allocator.Boot{Started: b1().Started}},
	} {
		a := allocator.New(store, pool, o)
		refused[*allocator.ExhaustedError](t, store, a, "new")
		var e *allocator.ExhaustedError
		require.ErrorAs(t, a.Status(t.Context()), &e)
	}

	a := releasing(store, pool, b1(), sinceB1())
	require.NoError(t, a.Status(t.Context()), "the next Allocate would find one")
	refused[*allocator.DuplicateError](t, store, a, "c")
	require.Equal(t, []string{"10.0.0.2/29"}, take(t, a, "a"), "a lease from before the reboot is no duplicate")
	require.Equal(t, []string{
		"10.0.0.2 a (eth0)", "10.0.0.3 b (eth0)", "10.0.0.4 c (eth0)", "10.0.0.6 e (eth0)",
		"cursors map[0:10.0.0.2]", "boot b1 2026-05-06T08:08:09Z",
	}, contents(t, store), "also outside the pool; leases of an unknown boot, or of this boot under another ID, are kept")

	put(t, store, backend.Lease{Addr: addr("10.0.0.5"), Owner: eth0("x"), Boot: "b0", Since: beforeB1()})
	refused[*allocator.ExhaustedError](t, store, a, "new") // The store is searched once in a boot.
	var e *allocator.ExhaustedError
	require.ErrorAs(t, a.Status(t.Context()), &e, "as Allocate sees it")
}

// releasing returns an allocator that releases leases from earlier boots.
func releasing(store backend.Store, pool allocator.Pool, b allocator.Boot, now time.Time) *allocator.Allocator {
	return allocator.New(store, pool, allocator.Options{
		Boot: b, ReleaseEarlierBoots: true, Now: func() time.Time { return now },
	})
}

// A lease without a boot, as in a store of an early version or one migrated from files,
// ends with the boot in which the store was searched.
func TestUnknownBootEndsWithNextReboot(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/29")))
	put(t, store, backend.Lease{Addr: addr("10.0.0.2"), Owner: eth0("old"), Since: beforeB1()})
	take(t, releasing(store, pool, b1(), sinceB1()), "a")
	require.Contains(t, contents(t, store), "10.0.0.2 old (eth0)")
	b2 := allocator.Boot{ID: "b2", Started: b1().Started.Add(24 * time.Hour)}
	take(t, releasing(store, pool, b2, b2.Started.Add(time.Hour)), "b")
	require.NotContains(t, contents(t, store), "10.0.0.2 old (eth0)")
}

// Also if the store is full when it is first searched, as one that only stock plugins have leased from.
func TestUnknownBootEndsWithNextRebootOfAFullPool(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.2/32")))
	put(t, store, backend.Lease{Addr: addr("10.0.0.2"), Owner: eth0("old"), Since: beforeB1()})
	_, err := releasing(store, pool, b1(), sinceB1()).Allocate(t.Context(), allocator.Request{Owner: eth0("a")})
	var exhausted *allocator.ExhaustedError
	require.ErrorAs(t, err, &exhausted)
	b2 := allocator.Boot{ID: "b2", Started: b1().Started.Add(24 * time.Hour)}
	require.Equal(t, []string{"10.0.0.2/32"}, take(t, releasing(store, pool, b2, b2.Started.Add(time.Hour)), "b"))
}

// The store is searched once after a start of the machine, whatever the clock and the boot
// ID say. Where another ID is seen, that is recorded once, too.
func TestSearchForEarlierBoots(t *testing.T) {
	const week = 7 * 24 * time.Hour
	present, now := b1(), sinceB1()
	view := allocator.Boot{ID: "view", Started: present.Started}
	again := allocator.Boot{ID: "b1", Started: present.Started.Add(week)}
	next := allocator.Boot{ID: "b2", Started: present.Started.Add(week)}
	behind := allocator.Boot{ID: "b2", Started: present.Started.Add(-week)} // the clock
	for name, tt := range map[string]struct {
		last string
		boot allocator.Boot
		now  time.Time
		want bool
	}{
		"never":                               {"", present, now, true},
		"by an early version in this boot":    {"b1", present, now, false},
		"by an early version in another boot": {"b0", present, now, true},
		"in this boot":                        {"b1 2026-05-06T07:08:10Z", present, now, false},
		"in the second that the boot began":   {"b1 2026-05-06T07:08:09Z", present, now, false},
		"in this boot by another view":        {"b1 2026-05-06T07:08:10Z", view, now, true},
		"in this boot by two views":           {"b1,view 2026-05-06T07:08:10Z", view, now, false},
		"in an earlier boot":                  {"b1 2026-05-06T07:08:10Z", next, now.Add(week), true},
		"in an earlier boot of the same ID":   {"b1 2026-05-06T07:08:10Z", again, now.Add(week), true},
		"before the clock was set forward":    {"b1 1970-01-01T00:01:00Z", present, now, true},
		"before the clock was set back":       {"b1 2026-05-06T07:08:10Z", behind, now.Add(-week), true},
		"in this boot, with the clock ahead":  {"b1 2035-05-06T07:08:10Z", present, now, false},
		"in another, with the clock ahead":    {"b0 2035-05-06T07:08:10Z", present, now, true},
		"unknown text":                        {"b 1", present, now, true},
	} {
		t.Run(name, func(t *testing.T) {
			store := &spy{Store: memory.New()}
			require.NoError(t, store.Store.Update(t.Context(), func(tx backend.Tx) error { return tx.SetLastSearch(tt.last) }))
			a := releasing(store, newPool(t, newSet(t, subnet(t, "10.0.0.0/29"))), tt.boot, tt.now)
			take(t, a, "a")
			require.Equal(t, tt.want, slices.Contains(store.calls, "SetLastSearch"))
			store.calls = nil
			take(t, a, "b")
			require.NotContains(t, store.calls, "SetLastSearch", "once")
		})
	}
}

// When the clock is set forward, leases are dated before the start of the boot. They stay if they were made
// under an ID that was seen in this boot, by a container, or after a reboot after which the clock was behind;
// and whether they name it or not, as in a files store.
func TestLeasesStayWhenTheClockIsSetForward(t *testing.T) {
	ctx, started := t.Context(), b1().Started
	many := []string{"b2"}
	for i := range 40 {
		many = append(many, fmt.Sprint("view", i))
	}
	for name, views := range map[string][]string{"one view": {"b2"}, "by turns": {"b2", "b1", "b2"}, "many": many} {
		for _, named := range []bool{true, false} {
			store := memory.New()
			pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/26")))
			for i, id := range append([]string{"b1"}, views...) {
				seen := allocator.Boot{ID: id, Started: started.Add(-time.Second)}
				container := fmt.Sprint("c", i)
				take(t, releasing(store, pool, seen, started.Add(time.Minute)), container)
				if named {
					continue
				}
				require.NoError(t, store.Update(ctx, func(tx backend.Tx) error {
					held, err := tx.OwnedBy(eth0(container))
					require.NoError(t, err)
					require.NoError(t, tx.Delete(held[0].Addr))
					held[0].Boot = ""
					return tx.Put(held[0])
				}))
			}
			for i, id := range []string{"b2", "b1"} {
				set := allocator.Boot{ID: id, Started: started.Add(time.Hour)}
				take(t, releasing(store, pool, set, started.Add(2*time.Hour)), fmt.Sprint("later", i))
			}
			require.Len(t, leasesIn(t, store), len(views)+3, "%s, named: %t", name, named)
			next := allocator.Boot{ID: "b3", Started: started.Add(24 * time.Hour)}
			take(t, releasing(store, pool, next, started.Add(25*time.Hour)), "next")
			require.Len(t, leasesIn(t, store), 1, "the next reboot ends them all")
		}
	}
}

// A container has another boot ID after each of its starts. The store remembers those that leases name, the
// host's among them, and does not grow with the others.
func TestBootIDsWithoutLeasesAreForgotten(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/28")))
	take(t, releasing(store, pool, b1(), sinceB1()), "host")
	for i := range 100 {
		inside := allocator.Boot{ID: fmt.Sprint("view", i), Started: b1().Started}
		a := releasing(store, pool, inside, sinceB1())
		take(t, a, "inside")
		_, err := allocator.Release(t.Context(), store, eth0("inside"))
		require.NoError(t, err)
		require.NoError(t, store.View(t.Context(), func(tx backend.ReadTx) error {
			text, err := tx.LastSearch()
			require.Less(t, strings.Count(text, ","), 17, text)
			require.Contains(t, text, "b1")
			return err
		}))
	}
	set := allocator.Boot{ID: "view99", Started: sinceB1().Add(time.Hour)}
	take(t, releasing(store, pool, set, sinceB1().Add(2*time.Hour)), "later")
	require.Contains(t, contents(t, store), "10.0.0.2 host (eth0)")
}

// Leases of an earlier boot have ended with it, also if they are released without an Allocate.
func TestReleaseEarlierBoots(t *testing.T) {
	store := memory.New()
	put(t, store,
		backend.Lease{Addr: addr("10.0.0.2"), Owner: eth0("old"), Boot: "b0", Since: beforeB1(), Pod: podWeb},
		backend.Lease{Addr: addr("10.0.0.3"), Owner: eth0("unnamed"), Since: beforeB1(), Pod: podWeb},
		backend.Lease{Addr: addr("10.0.0.4"), Owner: eth0("new"), Boot: b1().ID, Since: sinceB1(), Pod: podWeb})
	released, err := allocator.ReleaseEarlierBoots(t.Context(), store, b1())
	require.NoError(t, err)
	require.Len(t, released, 1, "the boot of the second is not known")
	require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error { return tx.SetLastSearch("b0 2026-01-01T00:00:00Z") }))
	released, err = allocator.ReleaseEarlierBoots(t.Context(), store, b1())
	require.NoError(t, err)
	require.Len(t, released, 1)
	require.Len(t, leasesIn(t, store), 1)
	require.NoError(t, store.View(t.Context(), func(tx backend.ReadTx) error {
		for e, err := range tx.(backend.HistoryReadTx).History() {
			require.NoError(t, err)
			require.Equal(t, backend.EndedByBoot, e.Cause)
			require.True(t, b1().Started.Equal(e.Until), e.Until)
		}
		return nil
	}))
	require.Len(t, historyOf(t, store), 2)
}

// A board without a battery-backed clock starts in the past, so that leases of its last
// boot look young until the clock is set.
func TestEarlierBootsEndWhenTheClockIsSet(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/29")))
	put(t, store, backend.Lease{Addr: addr("10.0.0.2"), Owner: eth0("old"), Boot: "b0", Since: beforeB1()})
	unset := time.Unix(0, 0)
	take(t, releasing(store, pool, allocator.Boot{ID: "b1", Started: unset}, unset.Add(time.Minute)), "early")
	require.Contains(t, contents(t, store), "10.0.0.2 old (eth0)")
	take(t, releasing(store, pool, b1(), sinceB1()), "late")
	require.Equal(t, []string{"10.0.0.3 early (eth0)", "10.0.0.4 late (eth0)"}, contents(t, store)[:2])
}
