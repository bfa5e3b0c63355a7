package allocator_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// A history reaches back as far as no ended lease can be missing.
func TestReadReach(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	hoursAgo := func(n int) time.Time { return now.Add(-time.Duration(n) * time.Hour) }
	lease := func(last byte, since int) backend.Lease {
		return backend.Lease{Addr: netip.AddrFrom4([4]byte{10, 0, 0, last}), Owner: eth0(string('a' + rune(last))), Since: hoursAgo(since)}
	}
	type tx = backend.HistoryTx
	ended := func(tx tx, last byte, since, until int) error {
		return tx.Record(backend.Ended{Lease: lease(last, since), Until: hoursAgo(until), Cause: backend.EndedByDEL})
	}
	counts := func(made uint64, dels uint64) backend.Counts {
		c := backend.Counts{Made: made}
		c.Ended[backend.EndedByDEL] = dels
		return c
	}
	forget := func(tx tx, last byte) error {
		_, err := tx.Forget(func(e backend.Ended) bool { return e.Addr == lease(last, 0).Addr })
		return err
	}
	const gapWhy = "ended leases are missing until then: the history was off, the disk was full, a part of it was damaged, or an older store was put back"
	two := func(tx tx) error { return errors.Join(ended(tx, 2, 9, 8), ended(tx, 3, 6, 5)) }
	for name, c := range map[string]struct {
		do   func(tx) error
		addr byte // of which it is asked; or all
		want allocator.Reach
	}{
		"empty": {func(tx) error { return nil }, 0, allocator.Reach{From: now, Why: "the store has made no lease yet"}},
		"moved": {func(tx tx) error { return tx.Put(lease(2, 3)) }, 0,
			allocator.Reach{From: now, Why: "the history is empty, but did not begin with the first lease"}},
		"nothing has ended": {func(tx tx) error { return errors.Join(tx.Put(lease(2, 3)), tx.Count(counts(1, 0))) }, 0,
			allocator.Reach{From: hoursAgo(3), Why: "the first lease was made then", Complete: true}},
		"all that has ended": {func(tx tx) error { return errors.Join(two(tx), tx.Put(lease(2, 3)), tx.Count(counts(3, 2))) }, 0,
			allocator.Reach{From: hoursAgo(9), Why: "the first lease was made then", Complete: true}},
		"off": {func(tx tx) error { return errors.Join(two(tx), tx.SetPolicy("keep=0"), tx.Count(counts(3, 3))) }, 0,
			allocator.Reach{From: now, Why: `the history is off ("history" in ipam)`}},
		"imported": {two, 0, allocator.Reach{From: hoursAgo(8), Why: "the history begins then"}},
		"full":     {func(tx tx) error { return errors.Join(two(tx), tx.SetPolicy("keep=2")) }, 0, allocator.Reach{From: hoursAgo(8), Why: "2 ended leases are kept"}},
		"expired":  {func(tx tx) error { return errors.Join(two(tx), tx.SetPolicy("keep=9 for=6h")) }, 0, allocator.Reach{From: hoursAgo(6), Why: "ended leases are kept for 6h0m0s"}},
		"forgotten first": {func(tx tx) error { return errors.Join(two(tx), forget(tx, 2), tx.Count(counts(2, 2))) }, 0,
			allocator.Reach{From: hoursAgo(5), Why: "ended leases were forgotten"}},
		"forgotten last":    {func(tx tx) error { return errors.Join(two(tx), forget(tx, 3)) }, 3, allocator.Reach{From: now, Why: "ended leases were forgotten"}},
		"another forgotten": {func(tx tx) error { return errors.Join(two(tx), forget(tx, 3)) }, 2, allocator.Reach{From: hoursAgo(8), Why: "the history begins then"}},
		"lacking one":       {func(tx tx) error { return errors.Join(two(tx), tx.Count(backend.Counts{Gap: hoursAgo(7)})) }, 0, allocator.Reach{From: hoursAgo(7), Why: gapWhy}},
		"lacking one before it begins": {func(tx tx) error { return errors.Join(two(tx), tx.Count(backend.Counts{Gap: hoursAgo(9)})) }, 0,
			allocator.Reach{From: hoursAgo(8), Why: "the history begins then"}},
		"all forgotten": {func(tx tx) error { return errors.Join(two(tx), forget(tx, 2), forget(tx, 3), tx.Count(counts(2, 2))) }, 9,
			allocator.Reach{From: now, Why: "ended leases were forgotten"}},
	} {
		store := memory.New()
		require.NoError(t, store.Update(context.Background(), func(tx backend.Tx) error { return c.do(tx.(backend.HistoryTx)) }), name)
		require.NoError(t, store.View(context.Background(), func(tx backend.ReadTx) error {
			var addr netip.Addr
			if c.addr > 0 {
				addr = lease(c.addr, 0).Addr
			}
			got, err := allocator.ReadReach(tx, addr, now)
			require.Equal(t, c.want, got, name)
			require.True(t, got.Knows(got.From), name)
			require.False(t, got.Knows(got.From.Add(-time.Second)), name)
			return err
		}), name)
	}
}

// Of a long history only the beginning is read, and what was forgotten of the address.
func TestReadReachOfALongHistory(t *testing.T) {
	const n = 20_001
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 100)}) }
	until := func(i int) time.Time { return now.Add(time.Duration(i-n) * time.Minute) }
	store := memory.New()
	require.NoError(t, store.Update(t.Context(), func(b backend.Tx) error {
		tx := b.(backend.HistoryTx)
		for i := range n {
			l := backend.Lease{Addr: addr(i), Owner: eth0("a"), Since: until(i).Add(-time.Minute)}
			if err := tx.Record(backend.Ended{Lease: l, Until: until(i), Cause: backend.EndedByDEL}); err != nil {
				return err
			}
		}
		_, err := tx.Forget(func(e backend.Ended) bool { return e.Addr == addr(7) && e.Until.Before(until(10_000)) })
		counts := backend.Counts{Made: n}
		counts.Ended[backend.EndedByDEL] = n
		return errors.Join(err, tx.SetPolicy("keep=1000000"), tx.Count(counts))
	}))
	require.NoError(t, store.View(t.Context(), func(tx backend.ReadTx) error {
		for a, want := range map[netip.Addr]allocator.Reach{
			addr(7):                         {From: until(9_908), Why: "ended leases were forgotten"},
			addr(8):                         {From: until(0), Why: "the history begins then"},
			netip.MustParseAddr("10.9.9.9"): {From: until(0), Why: "the history begins then"},
			{}:                              {From: until(9_908), Why: "ended leases were forgotten"},
		} {
			got, err := allocator.ReadReach(tx, a, now)
			require.NoError(t, err)
			require.Equal(t, want, got, a)
		}
		return nil
	}))
}
