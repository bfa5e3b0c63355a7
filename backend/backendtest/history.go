package backendtest

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// clausesOfHistory are for stores whose transactions are [backend.HistoryTx].
func clausesOfHistory(c contract) {
	c.clause("is empty at first", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		require.Empty(f, f.history())
	})
	c.clause("has what was recorded, in that order", func(f *fixture) {
		ends := someEnds(100)
		f.record(ends[:60]...)
		f.record(ends[60:]...)
		require.Equal(f, ends, f.history())
		f.reopenIfPersistent()
		require.Equal(f, ends, f.history())
		f.viewHistory(func(tx backend.HistoryReadTx) {
			n, err := tx.HistoryLen()
			require.NoError(f, err)
			require.Equal(f, len(ends), n)
			slices.Reverse(ends)
			require.Equal(f, ends, collectAll(f, tx.HistoryBackward()))
		})
	})
	c.clause("keeps whole seconds, and neither boot nor network namespace", func(f *fixture) {
		e := someEnds(1)[0]
		e.Since, e.Until = e.Since.Add(999*time.Millisecond), e.Until.Add(time.Nanosecond)
		e.Boot, e.Netns = "boot", "/run/netns/a"
		f.record(e)
		require.Equal(f, someEnds(1), f.history())
	})
	c.clause("keeps a lease without times, and the longest names", func(f *fixture) {
		long := strings.Repeat("x", backend.MaxNameLen)
		e := backend.Ended{Lease: backend.Lease{
			Addr: ip("fd00::1"), Owner: backend.Owner{ContainerID: long, IfName: long}, Pod: backend.Pod{Namespace: long, Name: long},
		}}
		f.record(e, e, someEnds(1)[0], e)
		require.Equal(f, []backend.Ended{e, e, someEnds(1)[0], e}, f.history())
	})
	c.clause("of an address is what was recorded for it, backwards", func(f *fixture) {
		ends := someEnds(300)
		f.record(ends...)
		f.viewHistory(func(tx backend.HistoryReadTx) { requireEndsByAddr(f, tx, ends) })
	})
	c.clause("of a pod is what was recorded last for each of its addresses", func(f *fixture) {
		ends := someEnds(300)
		f.record(ends[:100]...)
		f.viewHistory(func(tx backend.HistoryReadTx) {
			require.Empty(f, collectAll(f, tx.HistoryOfPod(ends[0].Pod)), "without IndexPods")
		})
		f.changeHistory(func(tx backend.HistoryTx) error {
			require.NoError(f, tx.IndexPods())
			requireEndsByPod(f, tx, ends[:100])
			return tx.IndexPods()
		})
		f.record(ends[100:]...)
		f.viewHistory(func(tx backend.HistoryReadTx) { requireEndsByPod(f, tx, ends) })
		f.changeHistory(func(tx backend.HistoryTx) error { return tx.DropOldest(150) })
		f.reopenIfPersistent()
		f.viewHistory(func(tx backend.HistoryReadTx) { requireEndsByPod(f, tx, ends[150:]) })
		f.changeHistory(func(tx backend.HistoryTx) error {
			_, err := tx.Forget(func(e backend.Ended) bool { return e.Pod == ends[200].Pod })
			return err
		})
		f.viewHistory(func(tx backend.HistoryReadTx) {
			require.Empty(f, collectAll(f, tx.HistoryOfPod(ends[200].Pod)))
			require.NotEmpty(f, collectAll(f, tx.HistoryOfPod(ends[202].Pod)))
		})
	})
	c.clause("of a pod without a name is empty", func(f *fixture) {
		e := someEnds(1)[0]
		e.Pod = backend.Pod{}
		f.changeHistory(func(tx backend.HistoryTx) error { return tx.IndexPods() })
		f.record(e, e)
		f.viewHistory(func(tx backend.HistoryReadTx) { require.Empty(f, collectAll(f, tx.HistoryOfPod(backend.Pod{}))) })
	})
	c.clause("of pods is as before if Update fails", func(f *fixture) {
		ends := someEnds(200)
		f.record(ends[:50]...)
		fail := func(index bool) {
			err := f.store.Update(f.ctx, func(tx backend.Tx) error {
				h := tx.(backend.HistoryTx)
				require.NoError(f, h.Record(ends[50]))
				if index {
					require.NoError(f, h.IndexPods())
				}
				require.NoError(f, h.DropOldest(20))
				for _, e := range ends[50:] {
					require.NoError(f, h.Record(e))
				}
				_, err := h.Forget(func(e backend.Ended) bool { return e.Pod == ends[200-1].Pod })
				require.NoError(f, err)
				return errFails
			})
			require.ErrorIs(f, err, errFails)
		}
		fail(true)
		f.viewHistory(func(tx backend.HistoryReadTx) { require.Empty(f, collectAll(f, tx.HistoryOfPod(ends[0].Pod))) })
		f.changeHistory(func(tx backend.HistoryTx) error { return tx.IndexPods() })
		fail(false)
		f.viewHistory(func(tx backend.HistoryReadTx) { requireEndsByPod(f, tx, ends[:50]) })
	})
	c.clause("loses what was recorded first by DropOldest", func(f *fixture) {
		ends := someEnds(100)
		f.record(ends...)
		for n := 1; len(ends) > 0; n *= 2 {
			f.changeHistory(func(tx backend.HistoryTx) error { return tx.DropOldest(n) })
			ends = ends[min(n, len(ends)):]
			require.Equal(f, ends, f.history())
			f.viewHistory(func(tx backend.HistoryReadTx) { requireEndsByAddr(f, tx, ends) })
		}
		f.changeHistory(func(tx backend.HistoryTx) error { return tx.DropOldest(1) })
		f.record(someEnds(3)...)
		require.Equal(f, someEnds(3), f.history())
	})
	c.clause("keeps only the address of what Forget matches", func(f *fixture) {
		ends := someEnds(100)
		f.record(ends...)
		pod := ends[7].Pod
		match := func(e backend.Ended) bool { return e.Pod == pod }
		want := 0
		for i, e := range ends {
			if match(e) {
				ends[i] = backend.Ended{Lease: backend.Lease{Addr: e.Addr}}
				want++
			}
		}
		for _, want := range []int{want, 0} {
			f.changeHistory(func(tx backend.HistoryTx) error {
				n, err := tx.Forget(match)
				require.Equal(f, want, n)
				return err
			})
			require.Equal(f, ends, f.history())
		}
		f.viewHistory(func(tx backend.HistoryReadTx) { requireEndsByAddr(f, tx, ends) })
	})
	c.clause("has a Policy, which is empty at first", func(f *fixture) {
		f.changeHistory(func(tx backend.HistoryTx) error {
			require.Empty(f, policyOf(f, tx))
			require.NoError(f, tx.SetPolicy("keep much"))
			require.Equal(f, "keep much", policyOf(f, tx))
			require.ErrorIs(f, tx.SetPolicy("a\nb"), backend.ErrInvalid)
			return nil
		})
		f.reopenIfPersistent()
		f.viewHistory(func(tx backend.HistoryReadTx) { require.Equal(f, "keep much", policyOf(f, tx)) })
	})
	c.clause("has Counts, to which Count adds", func(f *fixture) {
		one := backend.Counts{Made: 1, Undone: 300, Ended: [backend.NumCauses]uint64{backend.EndedByGC: 2}}
		f.put(leased("10.0.0.1")...)
		f.viewHistory(func(tx backend.HistoryReadTx) { require.Zero(f, countsOf(f, tx)) })
		f.changeHistory(func(tx backend.HistoryTx) error {
			require.NoError(f, tx.Count(one))
			require.Equal(f, one, countsOf(f, tx))
			return tx.Count(one)
		})
		err := f.store.Update(f.ctx, func(tx backend.Tx) error {
			require.NoError(f, tx.(backend.HistoryTx).Count(one))
			return errFails
		})
		require.ErrorIs(f, err, errFails)
		f.record(someEnds(1)...)
		f.reopenIfPersistent()
		f.viewHistory(func(tx backend.HistoryReadTx) { require.Equal(f, one.Plus(one), countsOf(f, tx)) })

		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		for _, gap := range []time.Time{at, at.Add(-time.Hour)} {
			f.changeHistory(func(tx backend.HistoryTx) error { return tx.Count(backend.Counts{Gap: gap, Renewed: gap}) })
		}
		f.reopenIfPersistent()
		f.viewHistory(func(tx backend.HistoryReadTx) {
			require.Equal(f, at, countsOf(f, tx).Gap, "the later one")
			require.Equal(f, at, countsOf(f, tx).Renewed, "the later one")
		})
		f.changeHistory(func(tx backend.HistoryTx) error { return tx.Count(backend.Counts{Renewed: at.Add(time.Hour)}) })
		f.viewHistory(func(tx backend.HistoryReadTx) { require.Equal(f, at, countsOf(f, tx).Gap) })
	})
	c.clause("is as before if Update fails", func(f *fixture) {
		ends := someEnds(40)
		f.record(ends...)
		err := f.store.Update(f.ctx, func(tx backend.Tx) error {
			h := tx.(backend.HistoryTx)
			require.NoError(f, h.DropOldest(9))
			for _, e := range ends[:20] {
				require.NoError(f, h.Record(e))
			}
			_, err := h.Forget(func(backend.Ended) bool { return true })
			require.NoError(f, err)
			require.NoError(f, h.SetPolicy("another"))
			return errFails
		})
		require.ErrorIs(f, err, errFails)
		require.Equal(f, ends, f.history())
		f.viewHistory(func(tx backend.HistoryReadTx) {
			requireEndsByAddr(f, tx, ends)
			require.Empty(f, policyOf(f, tx))
		})
	})
	c.clause("is, after random changes, what a list is after the same", clausesOfRandomHistory)
	c.clause("refuses what is invalid", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		f.changeHistory(func(tx backend.HistoryTx) error {
			for _, spoil := range []func(*backend.Ended){
				func(e *backend.Ended) { e.Addr = netip.Addr{} },
				func(e *backend.Ended) { e.Owner = backend.Owner{} },
				func(e *backend.Ended) { e.Pod.Name = "a\nb" },
				func(e *backend.Ended) { e.Cause = 99 },
			} {
				e := someEnds(1)[0]
				spoil(&e)
				require.ErrorIs(f, tx.Record(e), backend.ErrInvalid)
			}
			return nil
		})
		require.Empty(f, f.history())
	})
	c.clause("returns ErrInvalid after fn has returned", func(f *fixture) {
		var leaked backend.HistoryTx
		f.changeHistory(func(tx backend.HistoryTx) error {
			leaked = tx
			return tx.Record(someEnds(1)[0])
		})
		for _, err := range []error{
			leaked.Record(someEnds(1)[0]), leaked.DropOldest(1), leaked.SetPolicy("x"), leaked.IndexPods(), leaked.Count(backend.Counts{}),
			lastError(leaked.HistoryOfPod(someEnds(1)[0].Pod)),
			lastError(leaked.History()), lastError(leaked.HistoryBackward()), lastError(leaked.HistoryOf(ip("10.0.0.1"))),
		} {
			require.ErrorIs(f, err, backend.ErrInvalid)
		}
		_, err := leaked.HistoryLen()
		require.ErrorIs(f, err, backend.ErrInvalid)
		_, err = leaked.Counts()
		require.ErrorIs(f, err, backend.ErrInvalid)
		_, err = leaked.Policy()
		require.ErrorIs(f, err, backend.ErrInvalid)
		_, err = leaked.Forget(func(backend.Ended) bool { return true })
		require.ErrorIs(f, err, backend.ErrInvalid)
		require.Len(f, f.history(), 1)
	})
}

var errFails = errors.New("fails")

func clausesOfRandomHistory(f *fixture) {
	random := rand.New(rand.NewPCG(18, 4))
	all := someEnds(2000)
	var want []backend.Ended
	for len(all) > 0 {
		f.changeHistory(func(tx backend.HistoryTx) error {
			if len(all) < 1500 {
				require.NoError(f, tx.IndexPods())
			}
			n := min(random.IntN(40), len(all))
			for _, e := range all[:n] {
				if err := tx.Record(e); err != nil {
					return err
				}
			}
			drop := random.IntN(39)
			want = append(want, all[:n]...)
			all, want = all[n:], want[min(drop, len(want)):]
			return tx.DropOldest(drop)
		})
	}
	require.NotEmpty(f, want)
	require.Equal(f, want, f.history())
	f.viewHistory(func(tx backend.HistoryReadTx) {
		requireEndsByAddr(f, tx, want)
		requireEndsByPod(f, tx, want)
	})
}

// someEnds returns ended leases of a few addresses of both families, some with two addresses.
func someEnds(n int) (ends []backend.Ended) {
	for i := range n {
		at := time.Unix(1_760_000_000+int64(i)*7, 0).UTC()
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i % 3), byte(i * 5 % 61)})
		if i%4 == 3 {
			addr = netip.AddrFrom16([16]byte{0: 0xfd, 15: byte(i * 3 % 47)})
		}
		holder := i - i%2
		ends = append(ends, backend.Ended{
			Lease: backend.Lease{
				Addr: addr, Owner: backend.Owner{ContainerID: fmt.Sprintf("%064x", holder), IfName: "eth0"},
				Since: at.Add(-time.Duration(i%13) * time.Hour), Pod: backend.Pod{Namespace: "shop", Name: fmt.Sprintf("web-%d", holder%20)},
			},
			Until: at, Cause: backend.Cause(i % 5),
		})
	}
	return ends
}

// changeHistory calls fn with the transaction of an Update.
func (f *fixture) changeHistory(fn func(backend.HistoryTx) error) {
	f.Helper()
	f.update(func(tx backend.Tx) error { return fn(tx.(backend.HistoryTx)) })
}

func (f *fixture) record(ends ...backend.Ended) {
	f.Helper()
	f.changeHistory(func(tx backend.HistoryTx) error {
		for _, e := range ends {
			if err := tx.Record(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// viewHistory calls fn with the transaction of a View.
func (f *fixture) viewHistory(fn func(backend.HistoryReadTx)) {
	f.Helper()
	f.view(func(tx backend.ReadTx) error {
		fn(tx.(backend.HistoryReadTx))
		return nil
	})
}

func (f *fixture) history() (ends []backend.Ended) {
	f.Helper()
	f.viewHistory(func(tx backend.HistoryReadTx) { ends = collectAll(f, tx.History()) })
	return ends
}

func (f *fixture) reopenIfPersistent() {
	if f.Persistent {
		f.reopen()
	}
}

func collectAll[T any](f *fixture, all iter.Seq2[T, error]) []T {
	list := []T{}
	for one, err := range all {
		require.NoError(f, err)
		list = append(list, one)
	}
	return list
}

// requireEndsByAddr requires that the history of each address is what ends has of it.
func requireEndsByAddr(f *fixture, tx backend.HistoryReadTx, ends []backend.Ended) {
	want := map[netip.Addr][]backend.Ended{ip("10.9.9.9"): {}}
	for _, e := range slices.Backward(ends) {
		want[e.Addr] = append(want[e.Addr], e)
	}
	for addr, of := range want {
		require.Equal(f, of, collectAll(f, tx.HistoryOf(addr)), addr)
	}
}

// requireEndsByPod requires that the history of each pod is what ends has of it.
func requireEndsByPod(f *fixture, tx backend.HistoryReadTx, ends []backend.Ended) {
	type address struct {
		backend.Pod
		netip.Addr
	}
	want := map[backend.Pod][]backend.Ended{{Namespace: "no", Name: "such"}: {}}
	seen := make(map[address]bool)
	for _, e := range slices.Backward(ends) {
		if a := (address{e.Pod, e.Addr}); !seen[a] && len(want[e.Pod]) < backend.PodAddrs {
			seen[a] = true
			want[e.Pod] = append(want[e.Pod], e)
		}
	}
	for pod, of := range want {
		require.Equal(f, of, collectAll(f, tx.HistoryOfPod(pod)), pod)
	}
}

func countsOf(f *fixture, tx backend.HistoryReadTx) backend.Counts {
	c, err := tx.Counts()
	require.NoError(f, err)
	return c
}

func policyOf(f *fixture, tx backend.HistoryReadTx) string {
	text, err := tx.Policy()
	require.NoError(f, err)
	return text
}

func lastError[T any](all iter.Seq2[T, error]) (last error) {
	for _, err := range all {
		last = err
	}
	return last
}
