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

func viewing(c contract) {
	c.clause("returns what fn returned", func(f *fixture) {
		want := errors.New("as it is")
		require.Same(f, want, f.store.View(f.ctx, func(backend.ReadTx) error { return want }))
	})
	c.clause("of nothing stored is empty", func(f *fixture) {
		f.view(func(tx backend.ReadTx) error {
			requireEmpty(f, tx)
			return nil
		})
	})
	c.clause("of nothing stored creates nothing", func(f *fixture) {
		f.state()
		_, err := os.Lstat(filepath.Dir(f.path))
		require.ErrorIs(f, err, fs.ErrNotExist)
	})
	c.clause("is consistent, as no Update takes effect while fn runs", viewIsConsistent)
	c.clause("lets the panic of fn go on and works afterwards", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		require.PanicsWithValue(f, "boom", func() {
			f.view(func(backend.ReadTx) error { panic("boom") })
		})
		require.Equal(f, ips("10.0.0.1"), f.addrs())
		f.put(leased("10.0.0.2")...)
	})
	c.clause("does not heed ctx once fn runs", func(f *fixture) {
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
				written <- h.Update(f.ctx, func(tx backend.Tx) error { return tx.SetBoot(h.name) })
			}()
			time.Sleep(instant)
			require.Empty(f, written, "Update through %s has returned during View", h.name)
			after, err := read(tx)
			require.NoError(f, err)
			require.Equal(f, before, after)
			return nil
		})
		require.NoError(f, <-written)
		require.Equal(f, h.name, f.state().boot)
	}
}

func updating(c contract) {
	c.clause("that returns nil has stored all that fn wrote", func(f *fixture) {
		f.update(fill)
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("shows fn what it has written itself", func(f *fixture) {
		f.update(func(tx backend.Tx) error {
			require.NoError(f, fill(tx))
			s, err := read(tx)
			require.NoError(f, err)
			require.Equal(f, filled(f.Options), s)
			return nil
		})
	})
	c.clause("that writes nothing changes nothing", func(f *fixture) {
		f.update(fill)
		f.update(func(backend.Tx) error { return nil })
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("does not heed ctx once fn runs", func(f *fixture) {
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
		tx.SetBoot("5b2f7c9e"),
	)
}

// filled returns what a store holds after fill.
func filled(o Options) state {
	s := newState()
	for _, l := range leased("10.0.0.1", "fd00::1") {
		s.leases[l.Addr] = o.kept(l)
	}
	s.cursors["0"], s.cursors["1"] = ip("10.0.0.1"), ip("fd00::1")
	s.boot = "5b2f7c9e"
	return s
}

// failing has the ways in which fn can end without returning nil.
func failing(c contract) {
	c.clause("returns the error of fn as it is", func(f *fixture) {
		want := errors.New("as it is")
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
	c.clause("leaves none of the families leased when one of them is not to be had", func(f *fixture) {
		f.put(leased("fd00::1")...)
		err := f.store.Update(f.ctx, func(tx backend.Tx) error {
			return putAll(tx, leased("10.0.0.1", "fd00::1"))
		})
		require.ErrorIs(f, err, backend.ErrExists)
		require.Equal(f, ips("fd00::1"), f.addrs())
	})
}

// overwrite changes all that fill has written.
func overwrite(f *fixture, tx backend.Tx) {
	require.NoError(f, tx.Delete(ip("10.0.0.1")))
	require.NoError(f, tx.Delete(ip("fd00::1")))
	other := backend.Owner{ContainerID: "other", IfName: "net1"}
	require.NoError(f, tx.Put(lease(ip("10.0.0.1"), other)))
	require.NoError(f, tx.Put(lease(ip("10.0.0.2"), other)))
	require.NoError(f, tx.SetCursor("0", ip("10.0.0.2")))
	require.NoError(f, tx.SetCursor("2", ip("10.0.0.2")))
	require.NoError(f, tx.SetBoot("another"))
}

func endInError(f *fixture, fn func(backend.Tx)) {
	want := errors.New("as it is")
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

// endGoroutine is what a failing assertion within fn does. There is no panic to
// recover then, which is not to be mistaken for fn having returned nil.
func endGoroutine(f *fixture, fn func(backend.Tx)) {
	done := make(chan bool)
	go func() {
		defer close(done)
		err := f.store.Update(f.ctx, func(tx backend.Tx) error {
			fn(tx)
			runtime.Goexit()
			return nil
		})
		f.Error("Update has returned", err)
	}()
	<-done
}
