package backendtest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func clausesOfView(c contract) {
	c.clause("returns the error of fn unchanged", func(f *fixture) {
		want := errors.New("unchanged")
		require.Same(f, want, f.store.View(f.ctx, func(backend.ReadTx) error { return want }))
	})
	c.clause("is empty if nothing is stored", func(f *fixture) {
		f.view(func(tx backend.ReadTx) error {
			requireEmpty(f, tx)
			return nil
		})
	})
	c.clause("creates nothing if nothing is stored", func(f *fixture) {
		f.state()
		_, err := os.Lstat(filepath.Dir(f.path))
		require.ErrorIs(f, err, fs.ErrNotExist)
	})
	c.clause("is consistent: no Update takes effect while fn runs", viewIsConsistent)
	c.clause("lets a panic of fn continue and works afterwards", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		require.PanicsWithValue(f, "boom", func() {
			f.view(func(backend.ReadTx) error { panic("boom") })
		})
		require.Equal(f, ips("10.0.0.1"), f.addrs())
		f.put(leased("10.0.0.2")...)
	})
	c.clause("ignores ctx once fn runs", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		ctx, cancel := context.WithCancel(f.ctx)
		require.NoError(f, f.store.View(ctx, func(tx backend.ReadTx) error {
			cancel()
			_, err := tx.Lease(ip("10.0.0.1"))
			return err
		}))
	})
}

func requireEmpty(f *fixture, tx backend.ReadTx) {
	_, err := tx.Lease(ip("10.0.0.1"))
	require.ErrorIs(f, err, backend.ErrNotFound)
	owned, err := tx.OwnedBy(eth0)
	require.NoError(f, err)
	require.Empty(f, owned)
	free, err := tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9"))
	require.NoError(f, err)
	require.Equal(f, ip("10.0.0.1"), free)
	_, err = tx.Cursor("0")
	require.ErrorIs(f, err, backend.ErrNotFound)
	s, err := read(tx)
	require.NoError(f, err)
	require.Equal(f, newState(), s)
}

func viewIsConsistent(f *fixture) {
	f.put(leased("10.0.0.1")...)
	for _, h := range f.handles() {
		written := make(chan error, 1)
		f.view(func(tx backend.ReadTx) error {
			before, err := read(tx)
			require.NoError(f, err)
			go func() {
				written <- h.Update(f.ctx, func(tx backend.Tx) error { return tx.SetLastSearch(h.name) })
			}()
			time.Sleep(instant)
			require.Empty(f, written, "Update through %s returned during View", h.name)
			after, err := read(tx)
			require.NoError(f, err)
			require.Equal(f, before, after)
			return nil
		})
		require.NoError(f, <-written)
		require.Equal(f, h.name, f.state().boot)
	}
}

func clausesOfUpdate(c contract) {
	c.clause("stores all writes of fn when it returns nil", func(f *fixture) {
		f.update(fill)
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("shows fn its own writes", func(f *fixture) {
		f.update(func(tx backend.Tx) error {
			require.NoError(f, fill(tx))
			s, err := read(tx)
			require.NoError(f, err)
			require.Equal(f, filled(f.Options), s)
			return nil
		})
	})
	c.clause("changes nothing if fn writes nothing", func(f *fixture) {
		f.update(fill)
		f.update(func(backend.Tx) error { return nil })
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("ignores ctx once fn runs", func(f *fixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		require.NoError(f, f.store.Update(ctx, func(tx backend.Tx) error {
			cancel()
			return fill(tx)
		}))
		require.Equal(f, filled(f.Options), f.state())
	})
}

// fill writes something of every kind.
func fill(tx backend.Tx) error {
	return errors.Join(
		putAll(tx, leased("10.0.0.1", "fd00::1")),
		tx.SetCursor("0", ip("10.0.0.1")),
		tx.SetCursor("1", ip("fd00::1")),
		tx.SetLastSearch("5b2f7c9e"),
	)
}

// filled returns the state of a store after fill.
func filled(o Options) state {
	s := newState()
	for _, l := range leased("10.0.0.1", "fd00::1") {
		s.leases[l.Addr] = o.kept(l)
	}
	s.cursors["0"], s.cursors["1"] = ip("10.0.0.1"), ip("fd00::1")
	s.boot = "5b2f7c9e"
	return s
}

// clausesOfFailingUpdate are about the ways in which fn can end without returning nil.
func clausesOfFailingUpdate(c contract) {
	c.clause("returns the error of fn unchanged", func(f *fixture) {
		want := errors.New("unchanged")
		require.Same(f, want, f.store.Update(f.ctx, func(backend.Tx) error { return want }))
	})
	for _, fn := range []struct {
		ends string
		run  func(f *fixture, fn func(backend.Tx))
	}{
		{"returns an error", endInError},
		{"panics", endInPanic},
		{"ends its goroutine", endGoroutine},
	} {
		c.clause("writes nothing to an empty store when fn "+fn.ends, func(f *fixture) {
			fn.run(f, func(tx backend.Tx) { require.NoError(f, fill(tx)) })
			require.Equal(f, newState(), f.state())
			f.update(fill)
		})
		c.clause("writes nothing to a filled store when fn "+fn.ends, func(f *fixture) {
			f.update(fill)
			fn.run(f, func(tx backend.Tx) { overwrite(f, tx) })
			require.Equal(f, filled(f.Options), f.state())
			f.put(leased("10.0.0.2")...)
		})
	}
	c.clause("leases neither family when one is not available", func(f *fixture) {
		f.put(leased("fd00::1")...)
		err := f.store.Update(f.ctx, func(tx backend.Tx) error {
			return putAll(tx, leased("10.0.0.1", "fd00::1"))
		})
		require.ErrorIs(f, err, backend.ErrExists)
		require.Equal(f, ips("fd00::1"), f.addrs())
	})
}

// overwrite changes everything that fill has written.
func overwrite(f *fixture, tx backend.Tx) {
	require.NoError(f, tx.Delete(ip("10.0.0.1")))
	require.NoError(f, tx.Delete(ip("fd00::1")))
	other := backend.Owner{ContainerID: "other", IfName: "net1"}
	require.NoError(f, tx.Put(lease(ip("10.0.0.1"), other)))
	require.NoError(f, tx.Put(lease(ip("10.0.0.2"), other)))
	require.NoError(f, tx.SetCursor("0", ip("10.0.0.2")))
	require.NoError(f, tx.SetCursor("2", ip("10.0.0.2")))
	require.NoError(f, tx.SetLastSearch("another"))
}

func endInError(f *fixture, fn func(backend.Tx)) {
	want := errors.New("unchanged")
	require.Same(f, want, f.store.Update(f.ctx, func(tx backend.Tx) error {
		fn(tx)
		return want
	}))
}

func endInPanic(f *fixture, fn func(backend.Tx)) {
	require.PanicsWithValue(f, "boom", func() {
		f.update(func(tx backend.Tx) error {
			fn(tx)
			panic("boom")
		})
	})
}

// endGoroutine does what a failing assertion in fn does. There is no panic to recover then,
// and the store must not take that for a return of nil.
func endGoroutine(f *fixture, fn func(backend.Tx)) {
	done := make(chan bool)
	go func() {
		defer close(done)
		err := f.store.Update(f.ctx, func(tx backend.Tx) error {
			fn(tx)
			runtime.Goexit()
			return nil
		})
		f.Error("Update returned", err)
	}()
	<-done
}
