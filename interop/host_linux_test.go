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

// A host is a machine within this one, for programs that want one for themselves:
// what it executes sees interfaces, processes, mounts, /run and /var/lib of its own, and
// the other files of this machine.
type host struct {
	pid string // of its first process
	dir string // where /run and /var/lib are, for the eyes of the test
}

// The mounts are private to the host. The cgroups are those of version 2, because crun
// refuses to run where both versions are in use, even if it need not make any.
const startHost = `
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind "$1/run" /run
mount --bind "$1/lib" /var/lib
ip link set lo up
echo up
# Whoever is the first process has to wait for what others leave behind.
while :; do sleep 1 || exit; done`

// newHost makes a host of the namespace that inNewNamespace has put the test into. The
// kernel kills its first process with the test's thread, and all others with that one: not
// even a daemon outlives the test, however it ends.
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
		_ = cmd.Wait() // It says that it was killed.
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "up\n", line)
	h.pid = strconv.Itoa(cmd.Process.Pid)
	return h
}

// command returns a program to be executed in the host.
func (h host) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", h.pid, "--mount", "--pid", "--ipc", "--net", "--"}, args...)...)
}
