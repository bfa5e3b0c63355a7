package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// killedBetweenRenames returns a network in the state after a migration was killed between its
// two renames, on a file system that cannot exchange two names.
func killedBetweenRenames(t *testing.T, to string) (n namedNetwork, waiting string) {
	n = namedNetwork{t, filepath.Join(t.TempDir(), "data"), "podnet"}
	n.plugin("ADD", map[string]string{config.Files: config.Bolt, config.Bolt: config.Files}[to], "a")
	n.leasehold("migrate", n.name, "--to", to)
	olds, err := filepath.Glob(filepath.Join(n.dir, ".leasehold", "podnet.before-migration-*Z"))
	require.NoError(t, err)
	require.Len(t, olds, 1)
	waiting = olds[0] + ".next"
	require.NoError(t, os.Rename(n.path(), waiting))
	return n, waiting
}

// On a read-only file system, commands read a waiting store where it is.
func TestWaitingOnReadOnlyFileSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	faulttest.RequirePrograms(t, "unshare", "mount")
	for _, to := range []string{config.Files, config.Bolt} {
		for _, configured := range []bool{false, true} {
			n, waiting := killedBetweenRenames(t, to)
			conf := filepath.Join(t.TempDir(), "podnet.conf")
			text := `{"cniVersion": "1.1.0", "name": "podnet", "ipam": {"type": "host-local", "subnet": "10.1.0.0/24", "dataDir": "` + n.dir + `"}}`
			require.NoError(t, os.WriteFile(conf, []byte(text), 0o600))
			flags := " --conf " + conf
			if !configured {
				flags = " --conf-dir /nowhere"
			}
			for command, want := range map[string]string{
				"list": "10.1.0.2", "list podnet": "10.1.0.2", "who 10.1.0.2": " a ", "verify": "1 network: nothing is wrong",
				"metrics": `leasehold_leases{network="podnet"} 1`, "export": `"containerID":"a"`,
			} {
				out, err := exec.Command("unshare", "-m", "sh", "-c",
					`mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && leasehold --data-dir "$1"`+flags+" "+command, "sh", n.dir).CombinedOutput()
				if strings.Contains(string(out), "permission denied") {
					t.Skip("mounting a file system takes a capability that root lacks here")
				}
				require.NoError(t, err, "%s: %s", command, out)
				require.Contains(t, string(out), want, command)
				require.Contains(t, string(out), "podnet: its store waits in "+waiting, command)
			}
			require.NoFileExists(t, n.path())
		}
	}
}

// Without permission to read .leasehold, the tool does not know all networks, so it never
// reports an address as free. Commands for a named network whose store is in place still work.
func TestWaitingWithoutPermission(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving up capabilities takes root")
	}
	faulttest.RequirePrograms(t, "setpriv")
	n, _ := killedBetweenRenames(t, config.Bolt)
	other := namedNetwork{t, n.dir, "other"}
	other.plugin("ADD", config.Files, "b")
	hidden := filepath.Join(n.dir, ".leasehold")
	require.NoError(t, os.Chmod(hidden, 0))
	t.Cleanup(func() { require.NoError(t, os.Chmod(hidden, 0o700)) })
	run := func(args ...string) (string, int) {
		args = append([]string{"--bounding-set", "-dac_override,-dac_read_search", "leasehold", "--conf-dir", "/nowhere", "--data-dir", n.dir}, args...)
		cmd := exec.Command("setpriv", args...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, args := range [][]string{{"list"}, {"who", "10.1.0.9"}, {"verify"}, {"metrics"}, {"export"}, {"list", "podnet"}} {
		out, status := run(args...)
		require.Equal(t, cli.StatusError, status, "%v: %s", args, out)
		require.Contains(t, out, "open "+hidden+": permission denied", "%v", args)
		require.NotContains(t, out, "free\n")
	}
	out, status := run("list", "other")
	require.Equal(t, cli.StatusOK, status, out)
	require.Contains(t, out, " b ")
	out, status = run("__complete", "list", "")
	require.Equal(t, cli.StatusOK, status, out)
	require.Contains(t, out, "other\n")
}
