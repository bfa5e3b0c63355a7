package stalled

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/flock"
)

func TestMain(m *testing.M) { os.Exit(faulttest.Main(m)) }

// onBoth calls fn for a network of either store, on which "web" has an address.
func onBoth(t *testing.T, fn func(t *testing.T, n faulttest.Network)) {
	for _, store := range []string{config.Files, config.Bolt} {
		t.Run(store, func(t *testing.T) {
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Size: 9}.With("lockTimeout", "1m")
			_, err := n.Add("web")
			require.NoError(t, err)
			fn(t, n)
		})
	}
}

// A process is one that has been started.
type process struct {
	*testing.T
	cmd    *exec.Cmd
	caller *os.File // the end of its standard output that is read
	stderr bytes.Buffer
}

// start starts cmd with a pipe as its standard output.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{T: t, cmd: cmd}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	p.caller = r
	cmd.Stdout, cmd.Stderr = w, &p.stderr
	p.begin(w)
	return p
}

// begin starts the command, and sees to it that it ends with the test.
func (p *process) begin(ours ...*os.File) {
	p.Helper()
	require.NoError(p, p.cmd.Start())
	for _, f := range ours {
		require.NoError(p, f.Close())
	}
	p.Cleanup(func() {
		_ = p.cmd.Process.Kill() // It may have ended.
		_ = p.cmd.Wait()         // as above
	})
}

// plugin starts a command of the plugin.
func plugin(t *testing.T, n faulttest.Network, command, id string, more map[string]any) *process {
	t.Helper()
	return start(t, n.Command(faulttest.Shared(t).HostLocal, command, id, more))
}

// end waits for the process, and returns its exit status.
func (p *process) end() int {
	p.Helper()
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(p, err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// answer returns what the process writes, and its exit status.
func (p *process) answer() (out []byte, status int) {
	p.Helper()
	out, err := io.ReadAll(p.caller)
	require.NoError(p, err)
	return out, p.end()
}

// stop stops the process, which waits for something, and returns when it does nothing more.
func (p *process) stop() {
	p.Helper()
	require.True(p, p.tryToStop())
}

// tryToStop is stop for a process that may end first.
func (p *process) tryToStop() bool {
	p.Helper()
	var info unix.Siginfo
	require.NoError(p, p.cmd.Process.Signal(unix.SIGSTOP))
	require.NoError(p, unix.Waitid(unix.P_PID, p.cmd.Process.Pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil))
	return info.Code == cldStopped
}

// cldStopped is CLD_STOPPED of waitid(2).
const cldStopped = 5

func (p *process) goOn() {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(unix.SIGCONT))
}

// The beginnings of /proc/<pid>/syscall while a process waits.
var (
	forLock  = fmt.Sprintf("%d 0x", unix.SYS_FLOCK)
	forInput = fmt.Sprintf("%d 0x0 ", unix.SYS_READ)
	toAnswer = fmt.Sprintf("%d 0x1 ", unix.SYS_WRITE)
	toTell   = fmt.Sprintf("%d 0x2 ", unix.SYS_WRITE)
)

// awaitCall returns when a thread of the process waits in one of the system calls.
func (p *process) awaitCall(calls ...string) {
	p.Helper()
	require.Eventually(p, func() bool {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", p.cmd.Process.Pid))
		for _, task := range tasks {
			text, _ := os.ReadFile(task) // The thread may have ended.
			for _, call := range calls {
				if strings.HasPrefix(string(text), call) {
					return true
				}
			}
		}
		return false
	}, time.Minute, time.Millisecond, "in one of the calls %q", calls)
}

// hold takes the lock of a network, as a plugin does, until release is called.
func hold(t *testing.T, n faulttest.Network) (release func()) {
	t.Helper()
	f, err := os.OpenFile(lockOf(n), os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, flock.Exclusive(t.Context(), f))
	return func() { require.NoError(t, f.Close()) }
}

func lockOf(n faulttest.Network) string {
	if n.Backend == config.Files {
		return filepath.Join(n.Path(), "lock")
	}
	return n.Path()
}

func held(t *testing.T, n faulttest.Network) faulttest.Holding {
	t.Helper()
	h, err := n.Verify(t.Context())
	require.NoError(t, err)
	return h
}

// full returns a pipe that takes nothing more.
func full(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() }) // They may be closed already.
	size, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	require.NoError(t, err)
	_, err = w.Write(make([]byte, size))
	require.NoError(t, err)
	return r, w
}

// containers returns who holds addresses.
func containers(t *testing.T, n faulttest.Network) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(held(t, n)))
}
