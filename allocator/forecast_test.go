package allocator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// A past is a pool that was used for some time: at each minute before now, pods were made and ended.
type past struct {
	*testing.T
	store *memory.Store
	pool  allocator.Pool
	now   time.Time
	held  []backend.Lease
	made  int
	keep  string
}

func newPast(t *testing.T, prefix string) *past {
	return &past{T: t, store: memory.New(), pool: newPool(t, newSet(t, subnet(t, prefix))), now: time.Unix(1_760_000_000, 0).UTC(), keep: "keep=10000"}
}

// at makes some leases, and ends the oldest ones, that long ago.
func (p *past) at(ago time.Duration, made, ended int) {
	p.Helper()
	when := p.now.Add(-ago)
	require.NoError(p, p.store.Update(context.Background(), func(tx backend.Tx) error {
		for _, l := range p.held[:ended] {
			require.NoError(p, tx.Delete(l.Addr))
			require.NoError(p, tx.(backend.HistoryTx).Record(backend.Ended{Lease: l, Until: when, Cause: backend.EndedByDEL}))
		}
		counts := backend.Counts{Made: uint64(made)}
		counts.Ended[backend.EndedByDEL] = uint64(ended)
		require.NoError(p, tx.(backend.HistoryTx).Count(counts))
		p.held = p.held[ended:]
		for range made {
			p.made++
			next, err := tx.NextFree(addr("10.0.0.2"), addr("10.0.255.254"))
			require.NoError(p, err)
			l := backend.Lease{Addr: next, Owner: eth0(fmt.Sprint("c", p.made)), Since: when}
			require.NoError(p, tx.Put(l))
			p.held = append(p.held, l)
		}
		return tx.(backend.HistoryTx).SetPolicy(p.keep)
	}))
}

// moved puts the leases into another store, as a migration from files does.
func (p *past) moved() {
	p.store = memory.New()
	require.NoError(p, p.store.Update(context.Background(), func(tx backend.Tx) error {
		for _, l := range p.held {
			require.NoError(p, tx.Put(l))
		}
		return nil
	}))
}

func (p *past) forecast() allocator.Forecast {
	p.Helper()
	usages, err := p.pool.ReadUsage(context.Background(), p.store)
	require.NoError(p, err)
	got, err := allocator.ReadForecasts(context.Background(), p.store, usages, p.now, func() ([]backend.Lease, error) {
		return allocator.ReadLeases(context.Background(), p.store)
	})
	require.NoError(p, err)
	require.Len(p, got, 1)
	return got[0]
}

func TestForecastOfALeak(t *testing.T) {
	p := newPast(t, "10.0.0.0/24") // 253 addresses
	p.at(40*time.Hour, 100, 0)
	for i := range 60 {
		p.at(time.Duration(59-i)*time.Minute, 1, 0)
	}
	require.Equal(t, allocator.Forecast{In: 93 * time.Minute, Window: time.Hour}, p.forecast())
}

// Also where pods come and go as well.
func TestForecastOfALeakAmongOthers(t *testing.T) {
	p := newPast(t, "10.0.0.0/22") // 1,021 addresses
	p.at(40*time.Hour, 100, 0)
	for i := range 600 {
		p.at(time.Duration(599-i)*time.Minute, 2+i%2*2, 2)
	}
	f := p.forecast()
	require.Equal(t, time.Hour, f.Window)
	require.InDelta(t, float64(321*time.Minute), float64(f.In), float64(20*time.Minute))
}

func TestForecastOfADay(t *testing.T) {
	p := newPast(t, "10.0.0.0/24")
	p.at(100*time.Hour, 100, 0)
	for i := range 24 {
		p.at(time.Duration(23-i)*time.Hour+time.Minute, 2, 0)
	}
	require.Equal(t, day, p.forecast().Window)
	require.InDelta(t, float64(105*30*time.Minute), float64(p.forecast().In), float64(time.Hour))
}

const day = 24 * time.Hour

func TestNoForecast(t *testing.T) {
	grow := func(p *past) {
		for i := range 60 {
			p.at(time.Duration(59-i)*time.Minute, 1, 0)
		}
	}
	for name, make := range map[string]func(p *past){
		"nothing changes": func(p *past) { p.at(40*time.Hour, 100, 0) },
		"a new pool":      func(p *past) { p.at(50*time.Minute, 100, 0); grow(p) },
		"few events":      func(p *past) { p.at(40*time.Hour, 100, 0); p.at(time.Minute, 4, 0) },
		"pods come and go": func(p *past) {
			p.at(40*time.Hour, 100, 0)
			for i := range 300 {
				p.at(time.Duration(299-i)*time.Minute, 3, 3)
			}
			p.at(0, 9, 0)
		},
		"it breathes": func(p *past) { // a job each three hours
			p.at(40*time.Hour, 100, 0)
			for i := range 13 {
				hour := time.Duration(38-3*i) * time.Hour
				for m := range 50 {
					p.at(hour-time.Duration(m)*time.Minute, 1, 0)
				}
				if i < 12 {
					p.at(hour-2*time.Hour, 0, 50)
				}
			}
			p.now = p.now.Add(-75 * time.Minute)
		},
		"it shrinks":           func(p *past) { p.at(40*time.Hour, 200, 0); p.at(30*time.Minute, 0, 50) },
		"it is full":           func(p *past) { p.at(40*time.Hour, 193, 0); grow(p) },
		"no history is kept":   func(p *past) { p.at(40*time.Hour, 100, 0); p.keep = "keep=0"; grow(p) },
		"the history is short": func(p *past) { p.at(40*time.Hour, 100, 0); p.at(30*time.Minute, 0, 5); p.keep = "keep=5"; grow(p) },
		"it is kept for less":  func(p *past) { p.at(40*time.Hour, 100, 0); p.keep = "keep=1000 for=30m"; grow(p) },
		"it was forgotten": func(p *past) {
			p.at(40*time.Hour, 100, 0)
			p.at(30*time.Minute, 40, 40)
			_, err := allocator.Forget(context.Background(), p.store, func(backend.Ended) bool { return true })
			require.NoError(p, err)
		},
		"the history was dropped": func(p *past) {
			p.at(40*time.Hour, 100, 0)
			p.at(30*time.Minute, 40, 40)
			_, err := allocator.ForgetAll(context.Background(), p.store)
			require.NoError(p, err)
		},
		"the leases were moved here": func(p *past) {
			p.at(40*time.Hour, 100, 0)
			p.moved()
			p.at(30*time.Minute, 40, 10)
		},
		"the leases were moved here, and none has ended": func(p *past) {
			p.at(40*time.Hour, 50, 0)
			p.at(50*time.Minute, 50, 0)
			p.moved()
		},
		"it is far away": func(p *past) {
			p.pool = newPool(p.T, newSet(p.T, subnet(p.T, "10.0.0.0/16")))
			p.at(40*time.Hour, 100, 0)
			grow(p)
		},
		"the clock was set back": func(p *past) { p.at(-time.Hour, 100, 0); p.at(0, 5, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPast(t, "10.0.0.0/24")
			make(p)
			require.Zero(t, p.forecast())
		})
	}
}

// A pool that is as it always is gives no alarm: pods that live for an hour each, as many as there are
// pods on average.
func TestForecastOfAPoolInBalanceIsRare(t *testing.T) {
	random := rand.New(rand.NewPCG(18, 5))
	alarms, asked := 0, 0
	for range 3 {
		p := newPast(t, "10.0.0.0/24")
		p.at(30*time.Hour, 120, 0)
		for ago := 29 * time.Hour; ago >= 0; ago -= 10 * time.Minute {
			made := random.IntN(30)
			ended := min(random.IntN(30), len(p.held))
			if len(p.held)+made-ended > 200 {
				made = 0
			}
			p.at(ago, made, ended)
			if ago < 3*time.Hour {
				now := p.now
				p.now = now.Add(-ago)
				asked++
				if p.forecast() != (allocator.Forecast{}) {
					alarms++
				}
				p.now = now
			}
		}
	}
	t.Logf("%d of %d", alarms, asked)
	require.LessOrEqual(t, alarms, asked/10)
}

func TestForecastInWords(t *testing.T) {
	for in, want := range map[time.Duration]string{
		time.Minute: "10 min or less", 37 * time.Minute: "40 min", 97 * time.Minute: "100 min", 3*time.Hour - time.Minute: "3 h",
		35 * time.Hour: "35 h", 50 * time.Hour: "2 days", 13*24*time.Hour + 11*time.Hour: "13 days",
	} {
		require.Equal(t, "full in about "+want+" at the rate of the last hour", allocator.Forecast{In: in, Window: time.Hour}.String(), in)
	}
	require.Equal(t, "full in about 2 days at the rate of the last day", allocator.Forecast{In: 2 * day, Window: day}.String())
	require.Empty(t, allocator.Forecast{}.String())
}
