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

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A network with a lease is on a file system that becomes read-only.
func TestReadOnlyFileSystem(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		onDisk(t, plenty, func(d disk) {
			n := d.network(store, dual, 5)
			addrs, err := n.Add("a")
			require.NoError(t, err)
			d.remount(unix.MS_RDONLY, "")
			do := inProcess(n)
			requireUnwritable(t, do, n.Dir, "read-only file system")
			require.NoError(t, do("DEL", "never-there", nil))
			require.NoError(t, do("GC", "", faulttest.Attachments("a")), "there is nothing to collect")
			require.NoError(t, do("CHECK", "a", faulttest.PrevResult(addrs)))
			requireHeld(t, n, faulttest.Holding{"a": addrs})

			d.remount(0, "")
			require.NoError(t, n.Works(t.Context()))
		})
	})
}

// A perform performs a command of the plugin.
type perform func(command, id string, more map[string]any) error

func inProcess(n faulttest.Network) perform {
	return func(command, id string, more map[string]any) error {
		_, err := n.Plugin(command, id, more)
		return err
	}
}

// requireUnwritable requires that each command that would have to write says what is in
// its way, and where. Container a has a lease.
func requireUnwritable(t *testing.T, do perform, dir, why string) {
	t.Helper()
	requireError(t, do("ADD", "b", nil), types.ErrIOFailure, dir, why)
	requireError(t, do("DEL", "a", nil), types.ErrIOFailure, dir, why)
	requireError(t, do("GC", "", faulttest.Attachments()), types.ErrIOFailure, dir, why)
	requireError(t, do("STATUS", "", nil), types.ErrPluginNotAvailable, dir, why)
}

// A network is to be made on a file system that is read-only: none is there.
func TestReadOnlyFileSystemWithoutNetwork(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		onDisk(t, plenty, func(d disk) {
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

// nobody is who may not do anything.
const nobody = 65534

// asNobody performs commands in processes without privileges.
func asNobody(t *testing.T, n faulttest.Network) perform {
	program := faulttest.Shared(t).HostLocal
	require.NoError(t, os.Chmod(filepath.Dir(program), 0o755))
	return func(command, id string, more map[string]any) error {
		cmd := n.Command(program, command, id, more)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			e := new(types.Error)
			require.NoError(t, json.Unmarshal(out, e), "%s", out)
			return e
		}
		if errors.Is(err, fs.ErrPermission) {
			t.Skip("temporary files are where only root gets to:", err)
		}
		return err
	}
}

// What may not be written, or not even be looked into.
func TestDirectoryOfSomebodyElse(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		for _, mode := range []os.FileMode{0o755, 0o500} {
			t.Run(fmt.Sprintf("%#o", mode), func(t *testing.T) {
				n := faulttest.Network{Dir: filepath.Join(openDir(t), "networks"), Backend: store, Dual: dual, Size: 5}
				addrs, err := n.Add("a")
				require.NoError(t, err)
				require.NoError(t, os.Chmod(n.Dir, mode))
				requireUnwritable(t, asNobody(t, n), n.Dir, "permission denied")
				requireHeld(t, n, faulttest.Holding{"a": addrs})
				require.NoError(t, n.Works(t.Context()))
			})
		}
	})
}

// openDir returns a directory that everybody can get to, and only root can change.
func openDir(t *testing.T) string {
	dir := faulttest.Dir(t)
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// A data directory that is missing, however much of what is above it is missing too.
func TestMissingDirectories(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		n := faulttest.Network{Dir: filepath.Join(faulttest.Dir(t), "not", "there", "yet"), Backend: store, Dual: dual, Size: 5}
		require.NoError(t, n.Del("a"))
		_, err := n.Plugin("GC", "", faulttest.Attachments())
		require.NoError(t, err)
		_, err = n.Plugin("STATUS", "", nil)
		require.NoError(t, err)
		require.NoDirExists(t, filepath.Dir(filepath.Dir(n.Dir)), "none of these makes anything")
		require.NoError(t, n.Works(t.Context()))
	})
}

// A file where the data directory should be, or what is above it.
func TestFileWhereADirectoryShouldBe(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
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
