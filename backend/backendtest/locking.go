package backendtest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// A call is View or Update, with a function that does not use the transaction.
type call func(ctx context.Context, s backend.Store, fn func()) error

func callView(ctx context.Context, s backend.Store, fn func()) error {
	return s.View(ctx, func(backend.ReadTx) error { fn(); return nil })
}

func callUpdate(ctx context.Context, s backend.Store, fn func()) error {
	return s.Update(ctx, func(backend.Tx) error { fn(); return nil })
}

func clausesOfLocking(c contract) {
	for _, pair := range []struct {
		name           string
		holder, waiter call
	}{
		{"Update during an Update", callUpdate, callUpdate},
		{"View during an Update", callUpdate, callView},
		{"Update during a View", callView, callUpdate},
	} {
		c.clause(pair.name+" waits", func(f *fixture) { waits(f, pair.holder, pair.waiter) })
		c.clause(pair.name+" returns ErrBusy and does not call fn when ctx ends", func(f *fixture) {
			givesUp(f, pair.holder, pair.waiter, 2*instant)
		})
		c.clause(pair.name+" returns ErrBusy and does not call fn when ctx has ended already", func(f *fixture) {
			givesUp(f, pair.holder, pair.waiter, 0)
		})
	}
	c.clause("serialises the Updates of many goroutines", serialises)
	c.clause("shows the Views of many goroutines all of an Update or nothing", showsAllOrNothing)
}

// hold starts a call whose fn runs until release is called.
func (f *fixture) hold(holder call) (release func()) {
	entered, leave, done := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		done <- holder(f.ctx, f.store, func() {
			close(entered)
			<-leave
		})
	}()
	select {
	case <-entered:
	case err := <-done:
		require.FailNow(f, "fn was not called", err)
	}
	letGo := sync.OnceFunc(func() { close(leave) })
	f.Cleanup(letGo) // in case the test fails before release
	return func() {
		letGo()
		require.NoError(f, <-done)
	}
}

func waits(f *fixture, holder, waiter call) {
	f.update(fill)
	for _, h := range f.handles() {
		release := f.hold(holder)
		done := make(chan error, 1)
		go func() { done <- waiter(f.ctx, h, func() {}) }()
		time.Sleep(instant)
		require.Empty(f, done, "did not wait, through %s", h.name)
		release()
		require.NoError(f, <-done)
	}
}

func givesUp(f *fixture, holder, waiter call, after time.Duration) {
	f.update(fill)
	for _, h := range f.handles() {
		release := f.hold(holder)
		ctx, cancel := context.WithTimeout(f.ctx, after)
		start := time.Now()
		err := waiter(ctx, h, func() { f.Error("fn was called") })
		cancel()
		require.ErrorIs(f, err, backend.ErrBusy)
		f.namesPath(err)
		require.Less(f, time.Since(start), after+patience/10)
		release()
		require.NoError(f, waiter(f.ctx, h, func() {}), "after the lock was released")
	}
}

// serialises increments a counter, kept in the boot, from many goroutines.
func serialises(f *fixture) {
	const goroutines, times = 4, 10
	handles := f.handles()
	total := len(handles) * goroutines * times
	errs := make(chan error, total)
	for _, h := range handles {
		for range goroutines {
			go func() {
				for range times {
					errs <- h.Update(f.ctx, count)
				}
			}()
		}
	}
	for range total {
		require.NoError(f, <-errs)
	}
	require.Equal(f, strconv.Itoa(total), f.state().boot)
}

func count(tx backend.Tx) error {
	boot, err := tx.LastSearch()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi("0" + boot)
	if err != nil {
		return err
	}
	return tx.SetLastSearch(strconv.Itoa(n + 1))
}

// showsAllOrNothing views a store while another goroutine fills and empties it.
func showsAllOrNothing(f *fixture) {
	const readers, times = 3, 20
	errs := make(chan error, readers+1)
	go func() {
		errs <- repeat(times, func(i int) error {
			write := fill
			if i%2 == 1 {
				write = deleteAll
			}
			return f.store.Update(f.ctx, write)
		})
	}()
	for range readers {
		go func() { errs <- repeat(times, func(int) error { return f.store.View(f.ctx, bothOrNeither) }) }()
	}
	for range readers + 1 {
		require.NoError(f, <-errs)
	}
}

func repeat(times int, fn func(i int) error) error {
	for i := range times {
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

// bothOrNeither returns an error unless the store has no leases, or the leases of fill.
func bothOrNeither(tx backend.ReadTx) error {
	s, err := read(tx)
	if n := len(s.leases); err == nil && n != 0 && n != 2 {
		err = fmt.Errorf("%d leases", n)
	}
	return err
}
