//go:build unix

package flock_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/flock"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() }) // may be closed already
	return f
}

func TestWaiterGetsTheLockInTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := open(t, path)
	require.NoError(t, flock.Exclusive(t.Context(), holder))

	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, flock.Exclusive(over, open(t, path)), context.Canceled)
	require.ErrorIs(t, flock.Shared(over, open(t, path)), context.Canceled)

	waiter := make(chan error, 1)
	go func(f *os.File) { waiter <- flock.Shared(t.Context(), f) }(open(t, path))
	select {
	case <-waiter:
		t.Fatal("two locks at once")
	case <-time.After(flock.Retry / 2):
	}
	require.NoError(t, flock.Unlock(holder))
	require.NoError(t, <-waiter)
	require.NoError(t, flock.Shared(t.Context(), open(t, path)))
}

// The pause is the one in the bbolt that is used. It is not part of its API, so
// its source has to tell.
func TestRetryIsBboltsOwn(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.etcd.io/bbolt").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "db.go"))
	require.NoError(t, err)
	require.Equal(t, 50*time.Millisecond, flock.Retry)
	require.Contains(t, string(source), "const flockRetryTimeout = 50 * time.Millisecond")
}
