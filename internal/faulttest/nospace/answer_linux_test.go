package nospace

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A brokenOutput is a standard output that cannot be written to.
type brokenOutput struct {
	name string
	// attach makes it the standard output of cmd. The returned function is called when cmd
	// waits to write, or has ended.
	attach func(t *testing.T, cmd *exec.Cmd) (then func())

	callerGone bool // the plugin can tell beforehand that its caller has gone
}

func brokenOutputs() []brokenOutput {
	return []brokenOutput{
		{"closed", closed, false},
		{"full device", open("/dev/full", os.O_WRONLY), false},
		{"opened read-only", open("/dev/zero", os.O_RDONLY), false},
		{"pipe without a reader", brokenPipe, true},
		{"socket without a peer", brokenSocket, true},
		{"full pipe whose reader closes it", fullPipe, false},
		{"terminal after a hangup", hungUp, false},
	}
}

func closed(_ *testing.T, cmd *exec.Cmd) func() {
	cmd.Args = []string{"sh", "-c", `exec "$0" >&-`, cmd.Path}
	cmd.Path = "/bin/sh"
	return func() {}
}

func open(path string, flag int) func(*testing.T, *exec.Cmd) func() {
	return func(t *testing.T, cmd *exec.Cmd) func() {
		f, err := os.OpenFile(path, flag, 0)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		cmd.Stdout = f
		return func() {}
	}
}

func brokenPipe(t *testing.T, cmd *exec.Cmd) func() {
	r, w := pipe(t, cmd)
	r.Close()
	_, err := w.Write([]byte("x"))
	require.ErrorIs(t, err, unix.EPIPE)
	return func() {}
}

func brokenSocket(t *testing.T, cmd *exec.Cmd) func() {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Close(pair[0]))
	own := os.NewFile(uintptr(pair[1]), "socket")
	t.Cleanup(func() { own.Close() })
	cmd.Stdout = own
	return func() {}
}

func hungUp(t *testing.T, cmd *exec.Cmd) func() {
	ptm, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(ptm.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(ptm.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_WRONLY|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { terminal.Close() })
	require.NoError(t, ptm.Close())
	cmd.Stdout = terminal
	return func() {}
}

func fullPipe(t *testing.T, cmd *exec.Cmd) func() {
	r, w := pipe(t, cmd)
	size, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	require.NoError(t, err)
	_, err = w.Write(make([]byte, size))
	require.NoError(t, err)
	return func() { r.Close() }
}

func pipe(t *testing.T, cmd *exec.Cmd) (r, w *os.File) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	cmd.Stdout = w
	return r, w
}

// run runs a command with the broken output, and returns its exit status and standard
// error.
func (d brokenOutput) run(t *testing.T, n faulttest.Network, command, id string, more map[string]any) (status int, stderr string) {
	t.Helper()
	cmd := n.Command(faulttest.Shared(t).HostLocal, command, id, more)
	then := d.attach(t, cmd)
	var diagnostics bytes.Buffer
	cmd.Stderr = &diagnostics
	require.NoError(t, cmd.Start())
	awaitWrite(t, cmd.Process.Pid)
	then()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.True(t, cmd.ProcessState.Exited(), "%v", cmd.ProcessState)
	return cmd.ProcessState.ExitCode(), diagnostics.String()
}

// awaitWrite waits until a process blocks in a write to standard output, or has ended.
func awaitWrite(t *testing.T, pid int) {
	t.Helper()
	awaitCall(t, pid, fmt.Appendf(nil, "%d 0x1 ", unix.SYS_WRITE))
}

// awaitLock waits until a process blocks in flock, or has ended.
func awaitLock(t *testing.T, pid int) {
	t.Helper()
	awaitCall(t, pid, fmt.Appendf(nil, "%d ", unix.SYS_FLOCK))
}

// awaitCall waits until a process is in a system call, given as in /proc/<pid>/syscall, or
// has ended.
func awaitCall(t *testing.T, pid int, call []byte) {
	t.Helper()
	for {
		var info unix.Siginfo
		require.NoError(t, unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil))
		if info.Signo != 0 || isIn(pid, call) {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// isIn reports whether a thread of the process is in the system call.
func isIn(pid int, call []byte) bool {
	// A process that has just ended has no tasks.
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		present, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/syscall", pid, task.Name()))
		if bytes.HasPrefix(present, call) {
			return true
		}
	}
	return false
}

// A runtime that does not get the answer would never release the address, so the ADD must.
func TestAddWithBrokenOutput(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		for _, d := range brokenOutputs() {
			t.Run(d.name, func(t *testing.T) {
				n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Dual: dual, Size: 5}
				addrs, err := n.Add("before")
				require.NoError(t, err)
				status, stderr := d.run(t, n, "ADD", "unheard", nil)
				require.Equal(t, 1, status)
				require.Contains(t, stderr, "write to standard output")
				requireHeld(t, n, faulttest.Holding{"before": addrs})
				require.NoError(t, n.Exercise(t.Context()))
			})
		}
	})
}

// Addresses from an earlier ADD are not released.
func TestRepeatedAddWithBrokenOutput(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Dual: dual, Size: 5}.With("onDuplicate", "return")
		addrs, err := n.Add("heard")
		require.NoError(t, err)
		for _, d := range brokenOutputs() {
			status, stderr := d.run(t, n, "ADD", "heard", nil)
			require.Equal(t, 1, status, d.name)
			require.Contains(t, stderr, "write to standard output")
			requireHeld(t, n, faulttest.Holding{"heard": addrs})
		}
	})
}

// The other commands print nothing on success and work without an output. But if DEL or GC
// can tell that the caller has gone, they do nothing: the runtime may have moved on.
func TestOtherCommandsWithBrokenOutput(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		for _, d := range brokenOutputs() {
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Dual: dual, Size: 2}
			addrs, err := n.Add("a")
			require.NoError(t, err)
			requireSilent := func(command string, more map[string]any) {
				status, stderr := d.run(t, n, command, "a", more)
				require.Zero(t, status, "%s %s: %s", command, d.name, stderr)
				require.Empty(t, stderr)
			}
			requireSilent("STATUS", nil)
			requireSilent("CHECK", faulttest.PrevResult(addrs))
			if d.callerGone {
				for command, more := range map[string]map[string]any{"DEL": nil, "GC": faulttest.Attachments()} {
					status, stderr := d.run(t, n, command, "a", more)
					require.Equal(t, 1, status, d.name)
					require.Contains(t, stderr, "the caller has gone; nothing was done")
				}
				requireHeld(t, n, faulttest.Holding{"a": addrs})
				require.NoError(t, n.Del("a"))
				requireSilent("DEL", nil) // nothing to release
				continue
			}
			requireSilent("DEL", nil)
			requireHeld(t, n, nil)
			requireSilent("DEL", nil)
			requireSilent("GC", faulttest.Attachments())
			status, stderr := d.run(t, n, "CHECK", "a", faulttest.PrevResult(addrs))
			require.Equal(t, 1, status)
			require.Contains(t, stderr, "Failed to find address added by container a")
		}
	})
}
