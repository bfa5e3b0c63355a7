package stores

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A trusted file system is believed to the last block; another must have much more. Units are
// fragments: a file system of the old libfuse has blocks of 128 KiB.
func TestPlenty(t *testing.T) {
	const fuse = 0x65735546
	for _, c := range []struct {
		name string
		st   unix.Statfs_t
		want bool
	}{
		{"ext4 with what root may use", unix.Statfs_t{Type: unix.EXT4_SUPER_MAGIC, Bsize: 4096, Blocks: 1000, Bfree: 900}, false},
		{"ext4 with just enough", unix.Statfs_t{Type: unix.EXT4_SUPER_MAGIC, Bsize: 4096, Blocks: 1000, Bavail: minBytes / 4096}, true},
		{"no inodes", unix.Statfs_t{Type: unix.EXT4_SUPER_MAGIC, Bsize: 4096, Blocks: 1000, Bavail: 900, Files: 99, Ffree: 15}, false},
		{"does not count", unix.Statfs_t{Type: fuse, Bsize: 4096}, true},
		{"half a GiB on another", unix.Statfs_t{Type: fuse, Bsize: 4096, Blocks: 1 << 20, Bavail: 1 << 17}, false},
		{"a GiB on another", unix.Statfs_t{Type: fuse, Bsize: 4096, Blocks: 1 << 20, Bavail: 1 << 18}, true},
		{"large blocks of small fragments", unix.Statfs_t{Type: fuse, Bsize: 128 << 10, Frsize: 4096, Blocks: 1 << 20, Bavail: 1 << 17}, false},
	} {
		require.Equal(t, c.want, hasPlenty(c.st), c.name)
	}
}

// A kubelet repeats STATUS, so nothing may be left, also by a trial that was killed.
func TestTrialLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"", trialName, renamedName} {
		if name != "" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
		}
		require.NoError(t, takeRoom(dir, false))
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	require.NoError(t, takeRoom(dir, true))
}

// If a store is writable and its directory is not, the figures decide.
func TestTrialWhereFilesCannotBeMade(t *testing.T) {
	const file = "/sys/kernel/uevent_seqnum" // No process can make a file beside it.
	var st unix.Statfs_t
	if err := unix.Statfs(file, &st); err != nil {
		t.Skipf("needs a mounted sysfs: %v", err)
	}
	st.Bsize = 4096
	require.ErrorIs(t, tryRoom(file, st), unix.ENOSPC)
	st.Bavail = minBytes / 4096
	require.NoError(t, tryRoom(file, st))
}
