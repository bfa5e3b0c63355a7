package durable_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/durable"
)

func TestCleanBit(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file has no sticky bit there: none is ever clean")
	}
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "lock"), os.O_RDONLY|os.O_CREATE, 0o640)
	require.NoError(t, err)
	defer f.Close()
	for _, want := range []bool{false, true, true, false, false} {
		mark := markDirty
		if want {
			mark = durable.MarkClean
		}
		before, err := f.Stat()
		require.NoError(t, err)
		mode, changed, err := mark(f, never)
		require.NoError(t, err)
		clean, err := durable.StatClean(f)
		require.NoError(t, err)
		require.Equal(t, want, clean)
		info, err := f.Stat()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
		require.Equal(t, info.Mode(), mode)
		require.Equal(t, before.Mode() != info.Mode(), changed)
	}
}

func never(os.FileMode) bool { return false }

func markDirty(f *os.File, keep func(os.FileMode) bool) (os.FileMode, bool, error) {
	return durable.MarkDirty(f, 0, keep)
}

func TestMarkDirtySetsMoreBits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file has no such modes there")
	}
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "lock"), os.O_RDONLY|os.O_CREATE, 0o640)
	require.NoError(t, err)
	defer f.Close()
	for _, changed := range []bool{true, false} {
		mode, did, err := durable.MarkDirty(f, os.ModeSetuid, never)
		require.NoError(t, err)
		require.Equal(t, os.ModeSetuid|0o640, mode)
		require.Equal(t, changed, did)
	}
	mode, _, err := durable.MarkClean(f, never)
	require.NoError(t, err)
	require.Equal(t, os.ModeSetuid|os.ModeSticky|0o640, mode)
}

// A mode that must be kept is not written back: another process may have changed it since.
func TestCleanBitOfAKeptMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file has no such modes there")
	}
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "lock"), os.O_RDONLY|os.O_CREATE, 0o640)
	require.NoError(t, err)
	defer f.Close()
	for _, mark := range []func(*os.File, func(os.FileMode) bool) (os.FileMode, bool, error){markDirty, durable.MarkClean} {
		mode, changed, err := mark(f, func(os.FileMode) bool {
			require.NoError(t, f.Chmod(0o600)) // as another process does, after the mode was read
			return true
		})
		require.NoError(t, err)
		require.False(t, changed)
		require.Equal(t, os.FileMode(0o640), mode.Perm())
		info, err := f.Stat()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		require.NoError(t, f.Chmod(0o640))
	}
}
