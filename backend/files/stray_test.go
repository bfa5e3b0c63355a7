package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend/files"
)

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
