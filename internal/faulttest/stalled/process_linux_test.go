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

// forEachStore calls fn with a network of each store, on which "web" has an address.
func forEachStore(t *testing.T, fn func(t *testing.T, n faulttest.Network)) {
	t.Helper()
	faulttest.System(t) // before fn starts goroutines that use t
	for _, store := range []string{config.Files, config.Bolt} {
		t.Run(store, func(t *testing.T) {
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Size: 9}.With("lockTimeout", "1m")
			_, err := n.Add("web")
			require.NoError(t, err)
			fn(t, n)
		})
	}
}

// A process is a running process.
type process struct {
	*testing.T
	cmd    *exec.Cmd
	caller *os.File // the read end of its standard output
	stderr bytes.Buffer
}

// start starts cmd with a pipe as standard output.
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

// begin starts the command, which is killed when the test ends.
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

// wait waits for the process and returns its exit status.
func (p *process) wait() int {
	p.Helper()
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(p, err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// answer returns the output and the exit status of the process.
func (p *process) answer() (out []byte, status int) {
	p.Helper()
	out, err := io.ReadAll(p.caller)
	require.NoError(p, err)
	return out, p.wait()
}

// stop stops a waiting process, and returns when it is stopped.
func (p *process) stop() {
	p.Helper()
	require.True(p, p.tryToStop())
}

// tryToStop stops a process that may have ended. It reports whether it was stopped.
func (p *process) tryToStop() bool {
	p.Helper()
	var info unix.Siginfo
	require.NoError(p, p.cmd.Process.Signal(unix.SIGSTOP))
	require.NoError(p, unix.Waitid(unix.P_PID, p.cmd.Process.Pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil))
	return info.Code == cldStopped
}

// cldStopped is CLD_STOPPED of waitid(2).
const cldStopped = 5

func (p *process) resume() {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(unix.SIGCONT))
}

// Prefixes of /proc/<pid>/syscall while a process waits.
var (
	waitsForLock  = fmt.Sprintf("%d 0x", unix.SYS_FLOCK)
	waitsForInput = fmt.Sprintf("%d 0x0 ", unix.SYS_READ)
	writesStdout  = fmt.Sprintf("%d 0x1 ", unix.SYS_WRITE)
	writesStderr  = fmt.Sprintf("%d 0x2 ", unix.SYS_WRITE)
)

// awaitCall waits until a thread of the process is in one of the system calls.
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

// lock takes the lock of a network, as a plugin does, until release is called.
func lock(t *testing.T, n faulttest.Network) (release func()) {
	t.Helper()
	f, err := os.OpenFile(lockPath(n), os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, flock.Exclusive(t.Context(), f))
	return func() { require.NoError(t, f.Close()) }
}

func lockPath(n faulttest.Network) string {
	if n.Backend == config.Files {
		return filepath.Join(n.Path(), "lock")
	}
	return n.Path()
}

func holding(t *testing.T, n faulttest.Network) faulttest.Holding {
	t.Helper()
	h, err := n.Verify(t.Context())
	require.NoError(t, err)
	return h
}

// fullPipe returns a pipe whose buffer is full.
func fullPipe(t *testing.T) (r, w *os.File) {
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

// containers returns the containers that hold addresses.
func containers(t *testing.T, n faulttest.Network) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(holding(t, n)))
}
