package interop

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A host acts as a machine of its own within this one: its processes see separate
// interfaces, processes, mounts, /run and /var/lib, and otherwise this machine's files.
type host struct {
	pid string // PID of its first process
	dir string // contains /run and /var/lib as the test sees them
}

// The mounts are private to the host. Only cgroups v2 are mounted, because crun rejects a
// machine that uses both versions, even if it need not create a cgroup.
const startHost = `
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind "$1/run" /run
mount --bind "$1/lib" /var/lib
ip link set lo up
echo up
# The first process must reap orphaned processes.
while :; do sleep 1 || exit; done`

// newHost creates a host in the namespace of inNewNamespace. The kernel kills its first
// process when the test's thread ends, and then all others: not even a daemon outlives the
// test.
func newHost(t *testing.T) host {
	t.Helper()
	h := host{dir: t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(h.dir, "run"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(h.dir, "lib"), 0o755))
	cmd := exec.Command("bash", "-c", startHost, "host", h.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC,
		Pdeathsig:  unix.SIGKILL,
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // It returns that it was killed.
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "up\n", line)
	h.pid = strconv.Itoa(cmd.Process.Pid)
	return h
}

// command returns a command that runs in the host.
func (h host) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", h.pid, "--mount", "--pid", "--ipc", "--net", "--"}, args...)...)
}
