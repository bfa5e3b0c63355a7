package security_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the umask, files are created readable and writable by their owner only.
// Exceptions: directories of stores can be listed, as in the stock plugin, and metrics can
// be read by all.
func TestModes(t *testing.T) {
	for _, umask := range []fs.FileMode{0, 0o022, 0o077} {
		forEachStore(t, func(n node) {
			n.as = func(cmd *exec.Cmd) { underUmask(cmd, umask) }
			require.NoError(n, os.Remove(n.store()))
			n.runEverything()
			for path, mode := range n.modes() {
				require.Equal(n, wantedMode(n.rel(path), mode, umask), mode, "%s, umask %o", path, umask)
			}
		})
	}
}

// underUmask runs a command with a umask.
func underUmask(cmd *exec.Cmd, umask fs.FileMode) {
	cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`umask %o && exec "$0" "$@"`, umask), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}

// runEverything makes the programs create every file that they create, except journals and
// temporary files, which are renamed.
func (n node) runEverything() {
	n.Helper()
	for _, id := range []string{"a", "b"} {
		_, err := n.plugin("ADD", attachment{id, "eth0", "IgnoreUnknown=1;K8S_POD_NAME=p", "/run/netns/p"}, nil)
		require.NoError(n, err)
	}
	_, err := n.plugin("DEL", pod("a"), nil)
	require.NoError(n, err)
	n.mustTool("export", "--to", n.in("exported"))
	n.mustTool("metrics", "--to", n.in("metrics"))
	n.mustTool("migrate", "podnet", "--to", another(n.backend))
	n.mustTool("migrate", "podnet", "--to", n.backend)
	n.damage()
	_, text := n.tool("verify", "--repair", "--accept-loss", "podnet")
	require.Contains(n, text, "repaired")
	require.NoError(n, os.Rename(n.store("podnet"), n.store("before")))
	n.mustTool("import", n.in("exported"))
}

// damage damages the store so that verify reports it.
func (n node) damage() {
	if n.backend == "files" {
		require.NoError(n, os.WriteFile(n.store("podnet", "10.0.0.12"), nil, 0o600))
		return
	}
	f, err := os.OpenFile(n.store("podnet"), os.O_WRONLY, 0)
	require.NoError(n, err)
	_, err = f.WriteAt(make([]byte, 512), 0) // the first of two meta pages
	require.NoError(n, err)
	require.NoError(n, f.Close())
}

// modes returns the modes of all created files, without the sticky bit, which is the clean
// bit of the stores.
func (n node) modes() map[string]fs.FileMode {
	modes := make(map[string]fs.FileMode)
	require.NoError(n, filepath.WalkDir(n.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			modes[path] = info.Mode() &^ fs.ModeSticky
		}
		return err
	}))
	delete(modes, n.root)
	delete(modes, n.in("outside"))
	return modes
}

func (n node) rel(path string) string {
	rel, err := filepath.Rel(n.root, path)
	require.NoError(n, err)
	return rel
}

func wantedMode(name string, mode, umask fs.FileMode) fs.FileMode {
	switch {
	case name == "metrics":
		return 0o644
	case !mode.IsDir() && mode&fs.ModeSetgid != 0: // a store that was replaced
		return 0o400 | fs.ModeSetgid
	case !mode.IsDir():
		return 0o600
	case name == "data/.leasehold":
		return fs.ModeDir | 0o700
	}
	return fs.ModeDir | 0o755&^umask
}

// An administrator can restrict the modes once, and they stay.
func TestModesThatAreThereStay(t *testing.T) {
	forEachStore(t, func(n node) {
		require.NoError(n, os.Chmod(n.store(), 0o700))
		require.NoError(n, os.MkdirAll(n.store(".leasehold"), 0o711))
		n.add("other")
		if n.backend == "files" {
			require.NoError(n, os.Chmod(n.store("podnet"), 0o750))
		} else {
			require.NoError(n, os.Chmod(n.store("podnet"), 0o640))
		}
		before := n.modes()
		n.add("a")
		n.mustTool("verify")
		_, err := n.plugin("DEL", pod("other"), nil)
		require.NoError(n, err)
		after := n.modes()
		for _, path := range []string{n.store(), n.store("podnet"), n.store(".leasehold")} {
			require.Equal(n, before[path], after[path], path)
		}
	})
}
