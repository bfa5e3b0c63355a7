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
		mark := durable.MarkDirty
		if want {
			mark = durable.MarkClean
		}
		mode, err := mark(f)
		require.NoError(t, err)
		clean, err := durable.StatClean(f)
		require.NoError(t, err)
		require.Equal(t, want, clean)
		info, err := f.Stat()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
		require.Equal(t, info.Mode(), mode)
	}
}
