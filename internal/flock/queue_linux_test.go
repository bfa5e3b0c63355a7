package flock

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openAs opens a file. It is closed by the test, or by a waiter that gives up.
func openAs(t *testing.T, path string, flag int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flag|os.O_CREATE, 0o600)
	require.NoError(t, err)
	return f
}

// writerWaits starts a writer and waits until it is waiting.
func writerWaits(t *testing.T, path string, flag int) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	f := openAs(t, path, flag)
	go func() { done <- Exclusive(t.Context(), f) }()
	other := openAs(t, path, os.O_RDONLY)
	defer other.Close()
	require.Eventually(t, func() bool { return Awaited(other) }, time.Minute, time.Millisecond)
	return done
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestReaderComesAfterWaitingWriter(t *testing.T) {
	for name, flag := range map[string]int{"read-only, as in files": os.O_RDONLY, "read-write, as in bolt": os.O_RDWR} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			first := openAs(t, path, os.O_RDONLY)
			require.NoError(t, Shared(t.Context(), first))
			writer := writerWaits(t, path, flag)

			late := openAs(t, path, os.O_RDONLY)
			require.ErrorIs(t, Shared(soon(t), late), context.DeadlineExceeded)
			require.NoError(t, first.Close())
			require.NoError(t, <-writer)
		})
	}
}

// A writer that is stopped while it waits leaves the kernel's queue but stays announced:
// others get the lock.
func TestAnnouncementAloneBlocksNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	stopped := openAs(t, path, os.O_RDONLY)
	require.True(t, announce(stopped))
	for range 3 {
		r := openAs(t, path, os.O_RDONLY)
		require.NoError(t, Shared(soon(t), r))
		require.NoError(t, r.Close())
	}
	w := openAs(t, path, os.O_RDWR)
	require.NoError(t, Exclusive(soon(t), w))
	require.NoError(t, w.Close())
	require.NoError(t, stopped.Close())
	require.False(t, awaited(openAs(t, path, os.O_RDONLY)), "the announcement ends with the file")
}

// Once the writer has the lock, later readers may overlap.
func TestWriterWithLockIsNotAwaited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first := openAs(t, path, os.O_RDONLY)
	require.NoError(t, Shared(t.Context(), first))
	writer := writerWaits(t, path, os.O_RDWR)
	require.NoError(t, first.Close())
	require.NoError(t, <-writer)
	require.False(t, awaited(openAs(t, path, os.O_RDONLY)))
}

// Nothing is announced on file systems that are not known to keep fcntl and flock locks
// separate, such as /proc.
func TestOnlyKnownFileSystemsAnnounce(t *testing.T) {
	f, err := os.Open("/proc/self/status")
	require.NoError(t, err)
	defer f.Close()
	require.False(t, separate(f))
	require.False(t, announce(f))
	kind, err := ofd(f, unix.F_OFD_GETLK, unix.F_WRLCK)
	require.NoError(t, err)
	require.EqualValues(t, unix.F_UNLCK, kind)
}
