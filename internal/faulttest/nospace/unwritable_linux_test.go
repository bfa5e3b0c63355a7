package nospace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// A file system with a store becomes read-only.
func TestReadOnlyFileSystem(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		onTmpfs(t, plenty, func(d disk) {
			n := d.network(store, dual, 5)
			addrs, err := n.Add("a")
			require.NoError(t, err)
			d.remount(unix.MS_RDONLY, "")
			do := inProcess(n)
			requireUnwritable(t, do, n.Dir, "read-only file system", "mount the file system for writing")
			require.NoError(t, do("DEL", "never-there", nil))
			require.NoError(t, do("GC", "", faulttest.Attachments("a")), "there is nothing to collect")
			require.NoError(t, do("CHECK", "a", faulttest.PrevResult(addrs)))
			requireHeld(t, n, faulttest.Holding{"a": addrs})

			d.remount(0, "")
			require.NoError(t, n.Exercise(t.Context()))
		})
	})
}

// An ext4 that has met an error is read-only, although its mount still claims to be
// writable.
func TestFileSystemAfterAnError(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		d := disk{t: t, dir: t.TempDir()}
		faulttest.NewImage(t, "ext4", 16*mib).Mount(t, d.dir, "errors=remount-ro")
		defer func() { require.NoError(t, unix.Unmount(d.dir, 0)) }()
		n := d.network(store, dual, 5)
		_, err := n.Add("a")
		require.NoError(t, err)
		d.failExt4()
		_, err = n.Plugin("STATUS", "", nil)
		requireError(t, err, types.ErrPluginNotAvailable, n.Dir, "read-only file system")
		_, err = n.Add("b")
		requireError(t, err, types.ErrIOFailure, n.Dir, "read-only file system")
	})
}

// failExt4 makes the kernel find an error in the file system.
func (d disk) failExt4() {
	d.t.Helper()
	var st unix.Stat_t
	require.NoError(d.t, unix.Stat(d.dir, &st))
	device, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	require.NoError(d.t, err)
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(device), "trigger_fs_error")
	require.NoError(d.t, os.WriteFile(trigger, []byte("1"), 0))
}

// A performer performs a command of the plugin.
type performer func(command, id string, more map[string]any) error

func inProcess(n faulttest.Network) performer {
	return func(command, id string, more map[string]any) error {
		_, err := n.Plugin(command, id, more)
		return err
	}
}

// requireUnwritable requires that each command that has to write fails with the path, the
// reason and the next step. Container a has a lease.
func requireUnwritable(t *testing.T, do performer, dir, why, advice string) {
	t.Helper()
	for _, c := range []struct {
		command, id string
		more        map[string]any
		code        uint
	}{
		{"ADD", "b", nil, types.ErrIOFailure},
		{"DEL", "a", nil, types.ErrIOFailure},
		{"GC", "", faulttest.Attachments(), types.ErrIOFailure},
		{"STATUS", "", nil, types.ErrPluginNotAvailable},
	} {
		err := do(c.command, c.id, c.more)
		requireError(t, err, c.code, dir, why)
		require.ErrorContains(t, err, advice, c.command)
	}
}

// There is no store yet, and the file system is read-only.
func TestReadOnlyFileSystemWithoutNetwork(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		onTmpfs(t, plenty, func(d disk) {
			d.remount(unix.MS_RDONLY, "")
			n := d.network(store, dual, 5)
			_, err := n.Add("a")
			requireError(t, err, types.ErrIOFailure, n.Dir, "read-only file system")
			_, err = n.Plugin("STATUS", "", nil)
			requireError(t, err, types.ErrPluginNotAvailable, d.dir, "read-only file system")
			require.NoError(t, n.Del("a"))
			_, err = n.Plugin("GC", "", faulttest.Attachments())
			require.NoError(t, err)
		})
	})
}

// nobody is the user ID of a user without privileges.
const nobody = 65534

// asNobody performs commands in processes without privileges.
func asNobody(t *testing.T, n faulttest.Network) performer {
	program := faulttest.Shared(t).HostLocal
	require.NoError(t, os.Chmod(filepath.Dir(program), 0o755))
	return func(command, id string, more map[string]any) error {
		cmd := n.Command(program, command, id, more)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return answer(t, cmd)
	}
}

// answer runs a command and returns its CNI error.
func answer(t *testing.T, cmd *exec.Cmd) error {
	t.Helper()
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		e := new(types.Error)
		require.NoError(t, json.Unmarshal(out, e), "%s", out)
		return e
	}
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("the temporary directory is accessible only to root:", err)
	}
	return err
}

// The data directory belongs to another user, and may be unreadable.
func TestDirectoryOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("running a command as another user needs root")
	}
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		for _, mode := range []os.FileMode{0o755, 0o500} {
			t.Run(fmt.Sprintf("%#o", mode), func(t *testing.T) {
				n := faulttest.Network{Dir: filepath.Join(publicDir(t), "networks"), Backend: store, Dual: dual, Size: 5}
				addrs, err := n.Add("a")
				require.NoError(t, err)
				require.NoError(t, os.Chmod(n.Dir, mode))
				requireUnwritable(t, asNobody(t, n), n.Dir, "permission denied", "run the plugin as root, or as the owner of that file")
				requireHeld(t, n, faulttest.Holding{"a": addrs})
				require.NoError(t, n.Exercise(t.Context()))
			})
		}
	})
}

// Another user may write to everything, but not change the mode of the lock of a files store.
func TestLockOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("running a command as another user needs root")
	}
	n := faulttest.Network{Dir: filepath.Join(publicDir(t), "networks"), Backend: config.Files, Size: 5}
	addrs, err := n.Add("a")
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(n.Dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		more := fs.FileMode(0o666)
		if e.IsDir() {
			more = 0o777
		}
		return os.Chmod(path, info.Mode()|more)
	}))
	requireUnwritable(t, asNobody(t, n), n.Dir, "operation not permitted", "run the plugin as root, or as the owner of that file")
	requireHeld(t, n, faulttest.Holding{"a": addrs})
	require.NoError(t, n.Exercise(t.Context()))
}

// publicDir returns a directory that all users can enter, and only root can change.
func publicDir(t *testing.T) string {
	dir := faulttest.Dir(t)
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// The data directory and the directories above it are missing.
func TestMissingDirectories(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		n := faulttest.Network{Dir: filepath.Join(faulttest.Dir(t), "not", "there", "yet"), Backend: store, Dual: dual, Size: 5}
		require.NoError(t, n.Del("a"))
		_, err := n.Plugin("GC", "", faulttest.Attachments())
		require.NoError(t, err)
		_, err = n.Plugin("STATUS", "", nil)
		require.NoError(t, err)
		require.NoDirExists(t, filepath.Dir(filepath.Dir(n.Dir)), "these commands create nothing")
		require.NoError(t, n.Exercise(t.Context()))
	})
}

// A file is in the place of the data directory or of a directory above it.
func TestFileWhereADirectoryShouldBe(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		file := filepath.Join(faulttest.Dir(t), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		for _, dir := range []string{file, filepath.Join(file, "below"), filepath.Join(file, "far", "below")} {
			n := faulttest.Network{Dir: dir, Backend: store, Dual: dual, Size: 5}
			for command, code := range map[string]uint{
				"ADD": types.ErrIOFailure, "DEL": types.ErrIOFailure, "GC": types.ErrIOFailure,
				"STATUS": types.ErrPluginNotAvailable,
			} {
				_, err := n.Plugin(command, "a", faulttest.Attachments())
				requireError(t, err, code, file, "not a directory")
			}
		}
	})
}

// limited performs commands in processes with a limit on the size of files.
func limited(t *testing.T, n faulttest.Network, kib int) performer {
	program := faulttest.Shared(t).HostLocal
	return func(command, id string, more map[string]any) error {
		cmd := n.Command("/bin/sh", command, id, more)
		cmd.Args = []string{"sh", "-c", fmt.Sprintf(`ulimit -f %d && exec "$0"`, 2*kib), program}
		return answer(t, cmd)
	}
}

// A limit on the size of files makes an ADD fail like a full disk. It causes no damage.
func TestLimitOnTheSizeOfFiles(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Dual: dual, Size: 9}
		for _, kib := range []int{0, 4, 64, 128, 256, 1024} {
			do := limited(t, n, kib)
			status, err := do("STATUS", "", nil), do("ADD", "a", nil)
			if err != nil {
				requireTooLarge(t, n, err)
				require.True(t, status != nil || kib > 0 && store == config.Bolt, "%d KiB: only a bolt store can pass STATUS, because its size is not known beforehand", kib)
			}
			_, err = n.Verify(t.Context())
			require.NoError(t, err)
			require.NoError(t, n.Del("a"))
		}
		addrs, err := n.Add("a")
		require.NoError(t, err)
		do := limited(t, n, 0)
		requireError(t, do("STATUS", "", nil), types.ErrPluginNotAvailable, n.Dir, "file too large")
		requireTooLarge(t, n, do("ADD", "b", nil))
		left := faulttest.Holding{}
		if err := do("DEL", "a", nil); err != nil { // Even a DEL writes: bolt a page, files a journal.
			requireTooLarge(t, n, err)
			left["a"] = addrs
		}
		requireHeld(t, n, left)
		require.NoError(t, n.Exercise(t.Context()))
	})
}

func requireTooLarge(t *testing.T, n faulttest.Network, err error) {
	t.Helper()
	requireError(t, err, types.ErrIOFailure, n.Dir, "file too large")
	require.ErrorContains(t, err, "ulimit -f")
}
