package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend/files"
)

func TestIsPart(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		return path
	}
	lock := write("lock")
	require.False(t, files.IsPart(lock), "alone")
	write("podnet")
	require.False(t, files.IsPart(lock), "beside a store")
	lease := write("10.1.2.3")
	require.True(t, files.IsPart(lock))
	require.True(t, files.IsPart(lease))
	require.False(t, files.IsPart(filepath.Join(dir, "podnet")))
	require.NoError(t, os.Remove(lock))
	require.False(t, files.IsPart(lease), "without a lock")
}

func TestIsStray(t *testing.T) {
	for stray, dirs := range map[bool][][]string{
		false: {nil, {"lock"}, {"notes", "10.1.2.3"}, {"notes", "fd00::3"}, {"last_reserved_ip.0"}, {".leasehold-new.10.1.2.3", "x"}},
		true:  {{"notes"}, {"net-c1-eth0", "results"}, {"10.1.2"}, {"networks"}},
	} {
		for _, names := range dirs {
			dir := t.TempDir()
			for _, name := range names {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
			}
			require.Equal(t, stray, files.IsStray(dir), "%v", names)
		}
	}
	many := t.TempDir() // more than are read at once
	for i := range 1000 {
		require.NoError(t, os.WriteFile(filepath.Join(many, fmt.Sprintf("note%d", i)), nil, 0o600))
	}
	require.True(t, files.IsStray(many))
	require.NoError(t, os.WriteFile(filepath.Join(many, "lock"), nil, 0o600))
	require.False(t, files.IsStray(many))
	require.False(t, files.IsStray(filepath.Join(many, "none")))
	require.False(t, files.IsStray(filepath.Join(many, "lock")), "no directory")
}
