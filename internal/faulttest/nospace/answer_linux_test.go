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

// A deaf is a standard output that takes nothing.
type deaf struct {
	name string
	// give has cmd write to it. What it returns is called once cmd waits, or has ended.
	give func(t *testing.T, cmd *exec.Cmd) (then func())

	gone bool // it tells the plugin, before anything is done, that its caller has gone
}

func everyDeaf() []deaf {
	return []deaf{
		{"closed", closed, false},
		{"full device", open("/dev/full", os.O_WRONLY), false},
		{"open to read only", open("/dev/zero", os.O_RDONLY), false},
		{"pipe whose reader has gone", brokenPipe, true},
		{"socket whose peer has gone", brokenSocket, true},
		{"full pipe whose reader goes", fullPipe, false},
		{"terminal that was hung up", hungUp, false},
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

// run runs a command whose answer nobody hears, and returns its exit status and what
// it says on standard error.
func (d deaf) run(t *testing.T, n faulttest.Network, command, id string, more map[string]any) (status int, stderr string) {
	t.Helper()
	cmd := n.Command(faulttest.Shared(t).HostLocal, command, id, more)
	then := d.give(t, cmd)
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

// awaitWrite returns once a process waits to write to standard output, or has ended.
func awaitWrite(t *testing.T, pid int) {
	t.Helper()
	awaitCall(t, pid, fmt.Appendf(nil, "%d 0x1 ", unix.SYS_WRITE))
}

// awaitLock returns once a process waits for a lock, or has ended.
func awaitLock(t *testing.T, pid int) {
	t.Helper()
	awaitCall(t, pid, fmt.Appendf(nil, "%d ", unix.SYS_FLOCK))
}

// awaitCall returns once a process is in a system call, which is written as in the
// kernel's list of them, or has ended.
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

// isIn reports whether a thread of the process is in a system call.
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

// A runtime that is not told of an address never gives it back.
func TestAddWhoseAnswerNobodyHears(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		for _, d := range everyDeaf() {
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

// What the container had before is not given back.
func TestRepeatedAddWhoseAnswerNobodyHears(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Dual: dual, Size: 5}.With("onDuplicate", "return")
		addrs, err := n.Add("heard")
		require.NoError(t, err)
		for _, d := range everyDeaf() {
			status, stderr := d.run(t, n, "ADD", "heard", nil)
			require.Equal(t, 1, status, d.name)
			require.Contains(t, stderr, "write to standard output")
			requireHeld(t, n, faulttest.Holding{"heard": addrs})
		}
	})
}

// These have nothing to say if they succeed, and if they fail they say it elsewhere. But
// where it shows that their caller has gone, DEL and GC do nothing: the runtime may have
// gone on since.
func TestOthersWhoseAnswerNobodyHears(t *testing.T) {
	everyNetwork(t, func(t *testing.T, store string, dual bool) {
		for _, d := range everyDeaf() {
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Dual: dual, Size: 2}
			addrs, err := n.Add("a")
			require.NoError(t, err)
			requireQuiet := func(command string, more map[string]any) {
				status, stderr := d.run(t, n, command, "a", more)
				require.Zero(t, status, "%s %s: %s", command, d.name, stderr)
				require.Empty(t, stderr)
			}
			requireQuiet("STATUS", nil)
			requireQuiet("CHECK", faulttest.PrevResult(addrs))
			if d.gone {
				for command, more := range map[string]map[string]any{"DEL": nil, "GC": faulttest.Attachments()} {
					status, stderr := d.run(t, n, command, "a", more)
					require.Equal(t, 1, status, d.name)
					require.Contains(t, stderr, "the caller has gone; nothing was done")
				}
				requireHeld(t, n, faulttest.Holding{"a": addrs})
				require.NoError(t, n.Del("a"))
				requireQuiet("DEL", nil) // there is nothing to do
				continue
			}
			requireQuiet("DEL", nil)
			requireHeld(t, n, nil)
			requireQuiet("DEL", nil)
			requireQuiet("GC", faulttest.Attachments())
			status, stderr := d.run(t, n, "CHECK", "a", faulttest.PrevResult(addrs))
			require.Equal(t, 1, status)
			require.Contains(t, stderr, "Failed to find address added by container a")
		}
	})
}
