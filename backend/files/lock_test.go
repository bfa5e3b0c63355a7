package files

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/flock"
)

// whileLocked locks the directory as another process would, starts call, which waits, then
// calls act and releases the lock.
func (b testDir) whileLocked(call func() error, act func()) error {
	b.Helper()
	lock, err := os.Open(b.file(lockName))
	require.NoError(b, err)
	require.NoError(b, flock.Exclusive(b.Context(), lock))
	done := make(chan error, 1)
	go func() { done <- call() }()
	time.Sleep(20 * time.Millisecond)
	require.Empty(b, done, "the call did not wait")
	act()
	require.NoError(b, lock.Close())
	return <-done
}

func (b testDir) calls(fn func(backend.Tx) error) map[string]func() error {
	s := b.open()
	return map[string]func() error{
		"Update": func() error { return s.Update(b.Context(), fn) },
		"View":   func() error { return s.View(b.Context(), func(backend.ReadTx) error { return nil }) },
	}
}

func TestPathExchangedForFile(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	for name, call := range b.calls(put(lease("10.0.0.9", "new"))) {
		err := b.whileLocked(call, func() {
			require.NoError(t, os.Rename(b.path, b.path+".old"))
			require.NoError(t, os.WriteFile(b.path, nil, 0o600))
		})
		require.ErrorIs(t, err, backend.ErrOtherStore, name)
		require.ErrorContains(t, err, b.path)
		require.NoError(t, os.Remove(b.path))
		require.NoError(t, os.Rename(b.path+".old", b.path))
		require.NotContains(t, b.names(), "10.0.0.9")
	}
}

func TestPathExchangedForDirectory(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	other := testDir{t, b.path + ".other"}
	other.update(put(lease("10.7.0.1", "other")))
	err := b.whileLocked(b.calls(put(lease("10.0.0.9", "new")))["Update"], func() {
		require.NoError(t, os.Rename(b.path, b.path+".old"))
		require.NoError(t, os.Rename(other.path, b.path))
	})
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.9", "10.7.0.1", "lock"}, b.names())
}

func TestPathRemoved(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	call := b.calls(put(lease("10.0.0.9", "new")))
	require.NoError(t, b.whileLocked(call["View"], func() { require.NoError(t, os.Rename(b.path, b.path+".old")) }))
	require.NoError(t, os.Rename(b.path+".old", b.path))
	require.NoError(t, b.whileLocked(call["Update"], func() { require.NoError(t, os.RemoveAll(b.path)) }))
	require.Equal(t, []string{"10.0.0.9", "lock"}, b.names())
}

// TestLockRemoved removes the lock file while one Update waits for it, and starts another one.
func TestLockRemoved(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	entered, leave := make(chan bool), make(chan bool)
	first := make(chan error, 1)
	var left atomic.Bool
	err := b.whileLocked(b.calls(put(lease("10.0.0.9", "new")))["Update"], func() {
		require.NoError(t, os.Remove(b.file(lockName)))
		go func() {
			first <- b.open().Update(b.Context(), func(backend.Tx) error {
				close(entered)
				<-leave
				left.Store(true)
				return nil
			})
		}()
		<-entered
		time.AfterFunc(20*time.Millisecond, func() { close(leave) })
	})
	require.NoError(t, err)
	require.True(t, left.Load(), "the second did not wait for the first")
	require.NoError(t, <-first)
}

// TestViewWithoutLock has a copy of a directory.
func TestViewWithoutLock(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	want := b.snapshot()
	require.NoError(t, os.Remove(b.file(lockName)))
	require.Equal(t, want, b.snapshot())
	require.NotContains(t, b.names(), lockName)
}

func TestBusy(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	for name, inside := range map[string]*Store{"same Store": b.open(), "other Store": nil} {
		outside := inside
		if outside == nil {
			inside, outside = b.open(), b.open()
		}
		require.NoError(t, inside.Update(t.Context(), func(backend.Tx) error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			err := outside.View(ctx, func(backend.ReadTx) error { return nil })
			require.ErrorIs(t, err, backend.ErrBusy, name)
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.ErrorContains(t, err, b.path)
			return nil
		}))
		require.NoError(t, outside.Update(t.Context(), nothing), "the lock is left")
	}
}

// TestManyReaders has more Views at once than the gate admits.
func TestManyReaders(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	s := b.open()
	errs := make(chan error)
	const views = 64
	for range views {
		go func() {
			errs <- s.View(t.Context(), func(tx backend.ReadTx) error {
				time.Sleep(time.Millisecond)
				_, err := tx.Lease(ip("10.0.0.1"))
				return err
			})
		}()
	}
	go func() { errs <- s.Update(t.Context(), nothing) }()
	for range views + 1 {
		require.NoError(t, <-errs)
	}
}
