package report_test

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/report"
)

var (
	addr = netip.MustParseAddr
	now  = time.Date(2026, 11, 25, 14, 30, 0, 0, time.UTC)
)

// pool returns a pool with a set for each subnet.
func pool(t *testing.T, subnets ...string) allocator.Pool {
	t.Helper()
	var sets []allocator.Set
	for _, subnet := range subnets {
		r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix(subnet)})
		require.NoError(t, err)
		s, err := allocator.NewSet(r)
		require.NoError(t, err)
		sets = append(sets, s)
	}
	p, err := allocator.NewPool(sets...)
	require.NoError(t, err)
	return p
}

func lease(a netip.Addr, since time.Time) backend.Lease {
	return backend.Lease{Addr: a, Owner: backend.Owner{ContainerID: "c-" + a.String(), IfName: "eth0"}, Since: since}
}

// A tx is a transaction of a bolt store.
type tx interface {
	backend.HistoryTx
	backend.CoolingTx
	backend.SharedTx
}

// read fills a bolt store and reads it.
func read(t *testing.T, p allocator.Pool, fill func(tx) error) report.Network {
	t.Helper()
	store := bolt.Open(filepath.Join(t.TempDir(), "net"))
	defer store.Close() // It is only read.
	require.NoError(t, store.Update(t.Context(), func(some backend.Tx) error { return fill(some.(tx)) }))
	n, err := report.Read(t.Context(), report.Source{
		Name: "podnet", Kind: "bolt", Store: store, Pools: []allocator.Pool{p}, ReuseAfter: time.Minute, Now: now,
		Boot: allocator.Boot{ID: "now", Started: now.Add(-time.Hour)},
	})
	require.NoError(t, err)
	return n
}

func ago(d time.Duration) time.Time { return now.Add(-d) }

func TestRead(t *testing.T) {
	n := read(t, pool(t, "10.0.0.0/24", "fd00::/64"), func(tx tx) error {
		old := lease(addr("10.0.0.9"), ago(2*time.Hour))
		return errors.Join(tx.SetPolicy("keep=10 for=24h"),
			tx.Record(backend.Ended{Lease: lease(addr("10.0.0.2"), ago(50*time.Minute)), Until: ago(40 * time.Minute), Cause: backend.EndedByDEL}),
			tx.Record(backend.Ended{Lease: lease(addr("10.0.0.2"), ago(30*time.Minute)), Until: ago(10 * time.Minute), Cause: backend.EndedByGC}),
			tx.Put(lease(addr("10.0.0.2"), ago(5*time.Minute))), tx.Put(old), tx.Put(lease(addr("fd00::2"), ago(3*time.Minute))),
			tx.Put(lease(addr("192.0.2.1"), ago(time.Minute))),
			tx.Cool(addr("10.0.0.30"), ago(20*time.Second)), tx.Cool(addr("10.0.0.20"), ago(40*time.Second)))
	})
	require.Equal(t, 4, n.Total)
	require.Len(t, n.Leases, 4)
	require.Equal(t, 1, n.Earlier)
	require.Equal(t, 1, n.Outside)
	require.Zero(t, n.Torn)
	require.Equal(t, addr("192.0.2.1"), n.Newest[0].Addr)
	require.Equal(t, backend.EndedByGC, n.Ended[0].Cause, "the latest first")
	require.Equal(t, 2, n.EndedAll)
	require.Empty(t, n.NoHistory)
	require.Equal(t, ago(40*time.Minute), n.Reaches())
	require.Equal(t, 2, n.Cools)
	require.Equal(t, addr("10.0.0.20"), n.Cooling[0].Addr, "released first")
	require.Equal(t, now.Add(20*time.Second), n.Cooling[0].Until)
	require.EqualValues(t, 2, n.Usage[0].Leased)
	require.EqualValues(t, 2, n.Usage[0].Cooling)
	require.Len(t, n.Pictures, 2)
	require.Equal(t, "podnet, 10.0.0.0/24: 2 of 253 addresses leased; one to a cell", n.Pictures[0].Caption(0))
}

func minutesAgo(n int) time.Time { return ago(time.Duration(n) * time.Minute) }

// How many addresses were leased at each time is what the leases say, ended and held.
func TestFill(t *testing.T) {
	type held struct{ since, until int } // minutes ago
	all := []held{{50, 40}, {45, 20}, {30, 10}, {45, 0}, {90, 0}, {5, 0}}
	n := read(t, pool(t, "10.0.0.0/24"), func(tx tx) error {
		if err := tx.SetPolicy("keep=10 for=24h"); err != nil {
			return err
		}
		a := addr("10.0.0.2")
		for _, h := range all {
			l := lease(a, minutesAgo(h.since))
			err := tx.Put(l)
			if h.until > 0 {
				err = errors.Join(tx.Delete(a), tx.Record(backend.Ended{Lease: l, Until: minutesAgo(h.until)}))
			}
			if err != nil {
				return err
			}
			a = a.Next()
		}
		return nil
	})
	f := n.Fills[0]
	require.Equal(t, ago(40*time.Minute), f.From, "what ended before is not known")
	require.Equal(t, now, f.To)
	interval := f.To.Sub(f.From) / time.Duration(len(f.Leased)-1)
	for i, got := range f.Leased {
		at, want := f.From.Add(time.Duration(i)*interval), 0
		for _, h := range all {
			since, until := minutesAgo(h.since), minutesAgo(h.until)
			if !since.After(at) && (h.until == 0 || until.After(at)) {
				want++
			}
		}
		require.Equal(t, want, got, at)
	}
}

func TestForecast(t *testing.T) {
	n := read(t, pool(t, "10.0.0.0/24"), func(tx tx) error {
		err := tx.Count(backend.Counts{Made: 160})
		for i := range 160 {
			since := ago(40 * time.Hour)
			if i >= 100 {
				since = minutesAgo(i - 100)
			}
			err = errors.Join(err, tx.Put(lease(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 2)}), since)))
		}
		return err
	})
	require.Equal(t, "full in about 90 min at the rate of the last hour", n.Forecasts[0].String())
}

// Where no lease has ended, that has to be known: leases that were moved here can have ended elsewhere.
func TestFillWithoutEndedLeases(t *testing.T) {
	fill := func(made uint64) report.Fill {
		return read(t, pool(t, "10.0.0.0/24"), func(tx tx) error {
			return errors.Join(tx.Count(backend.Counts{Made: made}),
				tx.Put(lease(addr("10.0.0.2"), ago(30*time.Minute))), tx.Put(lease(addr("10.0.0.3"), ago(10*time.Minute))))
		}).Fills[0]
	}
	require.Equal(t, ago(30*time.Minute), fill(2).From)
	require.Equal(t, 1, fill(2).Leased[0])
	require.Equal(t, report.Fill{}, fill(0))
}

// What the history cannot know is in no chart.
func TestFillOfAForgetfulHistory(t *testing.T) {
	n := read(t, pool(t, "10.0.0.0/24"), func(tx tx) error {
		var err error
		for i, until := range []int{50, 40, 30} {
			l := lease(netip.AddrFrom4([4]byte{10, 0, 0, byte(2 + i)}), minutesAgo(60))
			err = errors.Join(err, tx.Record(backend.Ended{Lease: l, Until: minutesAgo(until)}))
		}
		_, failed := tx.Forget(func(e backend.Ended) bool { return e.Addr == addr("10.0.0.3") })
		return errors.Join(err, failed, tx.SetPolicy("keep=10 for=24h"))
	})
	require.Equal(t, minutesAgo(30), n.Reaches())
	require.Equal(t, minutesAgo(30), n.Fills[0].From)
	require.Equal(t, "ended leases were forgotten", n.Reach.Why)
}

// What a wrong clock has made does not break a Fill.
func TestFillOfWrongClocks(t *testing.T) {
	n := read(t, pool(t, "10.0.0.0/24"), func(tx tx) error {
		return errors.Join(tx.SetPolicy("keep=10 for=24h"),
			tx.Record(backend.Ended{Lease: lease(addr("10.0.0.2"), now.Add(time.Hour)), Until: ago(time.Hour)}),
			tx.Record(backend.Ended{Lease: lease(addr("10.0.0.2"), ago(40*24*time.Hour)), Until: now.Add(time.Hour)}),
			tx.Record(backend.Ended{Lease: lease(addr("10.0.0.2"), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), Until: time.Date(9999, 1, 2, 0, 0, 0, 0, time.UTC)}),
			tx.Put(lease(addr("10.0.0.3"), now.Add(100*time.Hour))), tx.Put(lease(addr("10.0.0.4"), time.Time{})),
			tx.Put(lease(addr("10.0.0.5"), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))))
	})
	require.Equal(t, 3, n.Fills[0].Leased[len(n.Fills[0].Leased)-1])
	empty := read(t, pool(t, "10.0.0.0/24"), func(tx tx) error { return nil })
	require.Equal(t, report.Fill{}, empty.Fills[0])
}

// Many leases are counted and drawn, but not listed.
func TestTooManyToList(t *testing.T) {
	for _, many := range []int{report.MaxLeases, report.MaxLeases + 1} {
		n := read(t, pool(t, "10.0.0.0/16"), func(tx tx) error {
			a := addr("10.0.0.2")
			for range many {
				if err := tx.Put(lease(a, ago(time.Minute))); err != nil {
					return err
				}
				a = a.Next()
			}
			return nil
		})
		require.Equal(t, many, n.Total)
		if many > report.MaxLeases {
			require.Nil(t, n.Leases)
		} else {
			require.Len(t, n.Leases, many)
		}
		require.Len(t, n.Newest, report.Recent)
		require.Equal(t, many == report.MaxLeases, n.Forecasts != nil, "it would take as long as all else")
		require.Contains(t, n.Pictures[0].Caption(0), fmt.Sprintf("%d,%03d of 65,533", many/1000, many%1000))
	}
}

func TestShared(t *testing.T) {
	n := read(t, pool(t, "10.0.0.0/28"), func(tx tx) error {
		return errors.Join(tx.SetMembership(backend.Membership{Cluster: "dc1", Space: "pods", Host: "node-1", Incarnation: backend.Mark{1}}),
			tx.PutBlock(backend.Block{First: addr("10.0.0.0"), Last: addr("10.0.0.7"), State: backend.Open, Mark: backend.Mark{2}}),
			tx.PutBlock(backend.Block{First: addr("10.0.0.8"), Last: addr("10.0.0.9"), State: backend.Closing, Mark: backend.Mark{3}}),
			tx.Put(lease(addr("10.0.0.3"), ago(time.Minute))))
	})
	require.Equal(t, "host node-1 of the hosts that share the addresses of pods; it holds 1 of their blocks", n.Shared)
	require.EqualValues(t, 7, n.Usage[0].NotHeld)
	require.EqualValues(t, 5, n.Usage[0].Free)
	rows, _ := n.Pictures[0].Rows(16, 1)
	require.Equal(t, "10.0.0.7: free", rows[0].Cells[7].Text)
	require.Equal(t, "10.0.0.8: not held by this host", rows[0].Cells[8].Text)
}

// An error of the store is returned with what was read before.
func TestReadFails(t *testing.T) {
	_, err := report.Read(t.Context(), report.Source{Name: "podnet", Store: bolt.Open(t.TempDir()), Now: now})
	require.Error(t, err)
}
