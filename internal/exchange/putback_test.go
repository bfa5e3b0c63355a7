package exchange_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/exchange"
)

func TestPutBackFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	p := exchange.At(path)
	requirePutBack := func(want string) {
		t.Helper()
		got, err := p.PutBack()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	requirePutBack("")
	long := strings.Repeat("x", 1<<20)
	require.NoError(t, os.WriteFile(path, []byte(long+"a"), 0o600))
	requirePutBack("")
	require.NoError(t, p.MakeDir())
	backup := p.BackupPath("migration", time.Now())
	require.NoError(t, os.Mkdir(p.BackupPath("migration", time.Now().Add(time.Second)), 0o700))
	for _, other := range []string{long + "b", long, long + "aa", ""} {
		require.NoError(t, os.WriteFile(backup, []byte(other), 0o600))
		requirePutBack("")
	}
	require.NoError(t, os.WriteFile(backup, []byte(long+"a"), 0o600))
	requirePutBack(backup)
}

func TestPutBackDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	moved, lock := filepath.Join(path, exchange.MovedLock), filepath.Join(path, exchange.StoreLock)
	require.NoError(t, os.Mkdir(path, 0o700))
	require.NoError(t, os.WriteFile(moved, nil, 0o600))
	got, err := exchange.At(path).PutBack()
	require.NoError(t, err)
	require.Empty(t, got, "no plugin has used it")
	require.NoError(t, os.WriteFile(lock, nil, 0o600))
	got, err = exchange.At(path).PutBack()
	require.NoError(t, err)
	require.Equal(t, moved, got)
	require.NoError(t, os.Remove(lock))
	require.NoError(t, os.Mkdir(lock, 0o700), "as a migration leaves it")
	got, err = exchange.At(path).PutBack()
	require.NoError(t, err)
	require.Empty(t, got)
}
