package exchange

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const unmarkableEnv = "LEASEHOLD_TEST_UNMARKABLE"

// A process that may write to the directory, and not change the mode of the store, must not replace it: the store
// would stay in use wherever it is mounted itself.
func TestSwapByAnotherUser(t *testing.T) {
	if path := os.Getenv(unmarkableEnv); path != "" {
		p := At(path)
		staged := filepath.Join(filepath.Dir(path), "staged")
		entry{false, "new"}.make(t, staged)
		require.ErrorIs(t, p.swapNow(t, staged, p.backupNow(), ways{exchange: unsupported}), fs.ErrPermission)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	const other = 12345 // a user and a group
	for _, old := range []entry{{false, "old"}, {true, "old"}} {
		dir, err := os.MkdirTemp("", "leasehold-test-") // Other users cannot enter t.TempDir.
		require.NoError(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) }) // Nothing in it is needed.
		require.NoError(t, os.Chown(dir, 0, other))
		require.NoError(t, os.Chmod(dir, 0o770))
		path := filepath.Join(dir, "podnet")
		old.make(t, path)
		require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			require.NoError(t, err)
			require.NoError(t, os.Chown(path, 0, other))
			return os.Chmod(path, 0o770)
		}))
		before, err := os.Lstat(storeLockOf(path, mustLstat(t, path)))
		require.NoError(t, err)

		program := filepath.Join(dir, "test")
		text, err := os.ReadFile("/proc/self/exe")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(program, text, 0o755))
		cmd := exec.Command(program, "-test.run=^TestSwapByAnotherUser$")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), unmarkableEnv+"="+path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other, Gid: other}}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		old.requireAt(t, path)
		after, err := os.Lstat(storeLockOf(path, mustLstat(t, path)))
		require.NoError(t, err)
		require.Equal(t, before.Mode(), after.Mode())
	}
}

func mustLstat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info
}
