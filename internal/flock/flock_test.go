package flock_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/flock"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f := openToGiveAway(t, path)
	t.Cleanup(func() { f.Close() }) // may be closed already
	return f
}

// openToGiveAway opens a file that the test does not close: a waiter that gives up closes
// it.
func openToGiveAway(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	return f
}

func TestExclusiveKeepsOthersOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := open(t, path)
	require.NoError(t, flock.Exclusive(t.Context(), holder))

	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, flock.Exclusive(soon, openToGiveAway(t, path)), context.DeadlineExceeded)
	require.ErrorIs(t, flock.Shared(soon, openToGiveAway(t, path)), context.DeadlineExceeded, "with an ended context")

	waiter := make(chan error, 1)
	go func() { waiter <- flock.Shared(t.Context(), open(t, path)) }()
	select {
	case <-waiter:
		t.Fatal("two locks at once")
	case <-time.After(20 * time.Millisecond):
	}
	require.NoError(t, holder.Close())
	require.NoError(t, <-waiter)
}

func TestSharedLetsSharedIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	require.NoError(t, flock.Shared(t.Context(), open(t, path)))
	require.NoError(t, flock.Shared(t.Context(), open(t, path)))
}

func TestUnlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	f := open(t, path)
	require.NoError(t, flock.Exclusive(t.Context(), f))
	require.NoError(t, flock.Unlock(f))
	require.NoError(t, flock.Exclusive(t.Context(), open(t, path)))
}

// A waiter whose context has ended must not keep the lock when the kernel grants it to its
// goroutine later.
func TestAbandonedWaiterReleasesLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := open(t, path)
	require.NoError(t, flock.Exclusive(t.Context(), holder))
	for range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		require.Error(t, flock.Exclusive(ctx, openToGiveAway(t, path)))
		cancel()
	}
	require.NoError(t, holder.Close())
	require.NoError(t, flock.Exclusive(t.Context(), open(t, path)))
}

func TestTimed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	require.NoError(t, flock.Exclusive(t.Context(), open(t, path)))
	ctx, waited := flock.Timed(t.Context())
	require.Zero(t, waited())
	for range 2 {
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		require.ErrorIs(t, flock.Shared(soon, openToGiveAway(t, path)), context.DeadlineExceeded)
		cancel()
	}
	require.Greater(t, waited(), 20*time.Millisecond)
	require.Less(t, waited(), time.Minute)
}
