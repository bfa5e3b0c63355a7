package durable_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/durable"
)

func TestMkdirAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	require.NoError(t, durable.MkdirAll(dir, 0o750))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.True(t, info.IsDir())
	require.Equal(t, fs.FileMode(0o750), info.Mode().Perm())
	require.NoError(t, durable.MkdirAll(dir, 0o750), "it is there already")
}

func TestMkdirAllWhereAFileStands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorContains(t, durable.MkdirAll(file, 0o755), file+": not a directory")
	require.Error(t, durable.MkdirAll(filepath.Join(file, "below"), 0o755))
}

func TestSync(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, durable.SyncDir(dir))
	require.NoError(t, durable.SyncPath(dir))
	require.ErrorIs(t, durable.SyncDir(filepath.Join(dir, "none")), fs.ErrNotExist)
	require.ErrorIs(t, durable.SyncPath(filepath.Join(dir, "none")), fs.ErrNotExist)
}
