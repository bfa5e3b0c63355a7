package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

const (
	// patience is how long to wait for something that must happen.
	patience = time.Minute

	// instant is how long to wait for something that must not happen.
	instant = 20 * time.Millisecond
)

// A fixture is a test and the store under test. Its methods fail the test if the store
// returns an error.
type fixture struct {
	*testing.T
	Options
	ctx   context.Context
	path  string
	store backend.Store
}

func newFixture(t *testing.T, o Options) *fixture {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	f := &fixture{T: t, Options: o, ctx: ctx, path: filepath.Join(t.TempDir(), "networks", "net")}
	f.store = f.another()
	return f
}

// another opens another Store of the same path.
func (f *fixture) another() backend.Store {
	s, err := f.Open(f.path)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, s.Close()) })
	return s
}

func (f *fixture) reopen() {
	require.NoError(f, f.store.Close())
	f.store = f.another()
}

// A handle is one of several ways to access a store.
type handle struct {
	name string
	backend.Store
}

// handles returns the Store of f and, if the store is persistent, another Store of the same
// path, which acts as another process.
func (f *fixture) handles() []handle {
	all := []handle{{"the same Store", f.store}}
	if f.Persistent {
		all = append(all, handle{"another Store of the same path", f.another()})
	}
	return all
}

func (f *fixture) view(fn func(backend.ReadTx) error) {
	f.Helper()
	require.NoError(f, f.store.View(f.ctx, fn))
}

func (f *fixture) update(fn func(backend.Tx) error) {
	f.Helper()
	require.NoError(f, f.store.Update(f.ctx, fn))
}

// put puts the leases in one transaction.
func (f *fixture) put(leases ...backend.Lease) {
	f.Helper()
	f.update(func(tx backend.Tx) error { return putAll(tx, leases) })
}

func putAll(tx backend.Tx, leases []backend.Lease) error {
	for _, l := range leases {
		if err := tx.Put(l); err != nil {
			return err
		}
	}
	return nil
}

func deleteEach(tx backend.Tx, leases []backend.Lease) error {
	for _, l := range leases {
		if err := tx.Delete(l.Addr); err != nil {
			return err
		}
	}
	return nil
}

func deleteAll(tx backend.Tx) error {
	s, err := read(tx)
	if err != nil {
		return err
	}
	return deleteEach(tx, s.from(netip.Addr{}))
}

// state returns the content of the store.
func (f *fixture) state() state {
	f.Helper()
	var s state
	f.view(func(tx backend.ReadTx) (err error) {
		s, err = read(tx)
		return err
	})
	return s
}

// addrs returns the leased addresses in the order of Leases.
func (f *fixture) addrs() []netip.Addr {
	f.Helper()
	var all []netip.Addr
	f.view(func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			all = append(all, l.Addr)
		}
		return nil
	})
	return all
}

// kept returns l as the store records it.
func (o Options) kept(l backend.Lease) backend.Lease {
	l.Since = l.Since.UTC()
	if o.CoarseTimes {
		l.Since = l.Since.Truncate(time.Second)
	}
	if !o.KeepsDetails {
		l.Boot, l.Pod, l.Netns = "", backend.Pod{}, ""
	}
	return l
}

// reopenAndCompare ends a test: the store is reopened, has the same content as before, and
// passes Check.
func (f *fixture) reopenAndCompare() {
	var before state
	err := f.store.View(f.ctx, func(tx backend.ReadTx) (err error) {
		before, err = read(tx)
		return err
	})
	closed := errors.Is(err, backend.ErrClosed) // by the test itself
	if !closed {
		require.NoError(f, err)
	}
	if f.Persistent && !closed {
		f.reopen()
		require.Equal(f, before, f.state(), "after opening the store again")
	}
	require.NoError(f, f.store.Close())
	f.check(f, f.path)
}

// check runs Check if a store exists at path.
func (o Options) check(t require.TestingT, path string) {
	_, err := os.Lstat(path)
	if o.Check == nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	require.NoError(t, o.Check(path))
}

// soon returns the error of fn, or an error if fn panics or takes too long.
func (f *fixture) soon(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		done <- fn()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(patience / 6):
		return errors.New("timed out")
	}
}

// namesPath requires that an error of the store as a whole names its path.
func (f *fixture) namesPath(err error) {
	f.Helper()
	if f.Persistent {
		require.ErrorContains(f, err, f.path)
	}
}
