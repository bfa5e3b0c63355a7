package ptracer_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// A tracedShell runs shell scripts in a directory under the tracer.
type tracedShell struct {
	*testing.T
	dir string
	out bytes.Buffer
}

func newTracedShell(t *testing.T) *tracedShell {
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	return &tracedShell{T: t, dir: t.TempDir()}
}

func (w *tracedShell) run(script string, h ptracer.Hooks) (int, error) {
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stdin = w.dir, &w.out, strings.NewReader("from standard input\n")
	return ptracer.Run(cmd, h)
}

func (w *tracedShell) file(name string) string { return filepath.Join(w.dir, name) }

// changes returns hooks that list the calls that change a file in the directory, with their
// results.
func (w *tracedShell) changes(list *[]string) ptracer.Hooks {
	return ptracer.Hooks{Data: true, Leave: func(c *ptracer.Call) {
		if !strings.HasPrefix(c.Path, w.dir) || c.Name == "openat" && c.Flags&syscall.O_CREAT == 0 {
			return
		}
		switch c.Name {
		case "openat", "write", "renameat2", "rename", "unlinkat", "mkdir":
			line := fmt.Sprintf("%s %s", c.Name, strings.TrimPrefix(c.Path, w.dir+"/"))
			if c.To != "" {
				line += " " + strings.TrimPrefix(c.To, w.dir+"/")
			}
			if c.Data != nil {
				line += fmt.Sprintf(" %q at %d", c.Data, c.Offset)
			}
			if c.Result < 0 {
				line += " " + syscall.Errno(-c.Result).Error()
			}
			*list = append(*list, line)
		}
	}}
}

func TestCallsOfChildProcesses(t *testing.T) {
	w := newTracedShell(t)
	var list []string
	calls, err := w.run("mkdir below; echo one > a; cat >> a; rm a; mkdir below 2>/dev/null; echo done", w.changes(&list))
	require.NoError(t, err)
	require.Equal(t, "done\n", w.out.String())
	require.Equal(t, []string{
		"mkdir below",
		"openat a", `write a "one\n" at 0`,
		"openat a", `write a "from standard input\n" at 4`,
		"unlinkat a",
		"mkdir below file exists",
	}, list)
	require.Greater(t, calls, len(list))
}

// Pipes between processes count if the hooks say so.
func TestPipes(t *testing.T) {
	for _, sockets := range []bool{false, true} {
		w := newTracedShell(t)
		var seen []string
		_, err := w.run("echo one | cat /dev/stdin >a", ptracer.Hooks{Sockets: sockets, Enter: func(c *ptracer.Call) ptracer.Action {
			if c.FD > 2 && strings.HasPrefix(c.Path, "pipe:") {
				seen = append(seen, c.Name)
			}
			return ptracer.Action{}
		}})
		require.NoError(t, err)
		require.Equal(t, sockets, len(seen) > 0, seen)
	}
}

func TestExitStatus(t *testing.T) {
	w := newTracedShell(t)
	_, err := w.run("exit 3", ptracer.Hooks{})
	require.Equal(t, &ptracer.ExitError{Code: 3}, err)
	require.False(t, ptracer.Killed(err))
	_, err = w.run("kill -TERM $$", ptracer.Hooks{})
	require.Equal(t, &ptracer.ExitError{Code: -1, Signal: syscall.SIGTERM}, err)
	require.EqualError(t, err, "signal: terminated")
	_, err = ptracer.Run(exec.Command(w.file("none")), ptracer.Hooks{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// on returns an Enter hook that takes an action at the first call of that name on a file.
func (w *tracedShell) on(name, path string, a ptracer.Action) func(*ptracer.Call) ptracer.Action {
	done := false
	return func(c *ptracer.Call) ptracer.Action {
		if done || c.Name != name || c.Path != w.file(path) {
			return ptracer.Action{}
		}
		done = true
		return a
	}
}

func TestKillPreventsTheCall(t *testing.T) {
	w := newTracedShell(t)
	_, err := w.run("echo one > a; exec rm a", ptracer.Hooks{Enter: w.on("unlinkat", "a", ptracer.Action{Kill: true})})
	require.True(t, ptracer.Killed(err))
	require.FileExists(t, w.file("a"))
}

func TestErrno(t *testing.T) {
	w := newTracedShell(t)
	var results []int64
	_, err := w.run("echo one > a; exec rm a 2>/dev/null", ptracer.Hooks{
		Enter: w.on("unlinkat", "a", ptracer.Action{Errno: syscall.EIO}),
		Leave: func(c *ptracer.Call) {
			if c.Name == "unlinkat" {
				results = append(results, c.Result)
			}
		},
	})
	require.Equal(t, &ptracer.ExitError{Code: 1}, err)
	require.Equal(t, []int64{-int64(syscall.EIO)}, results)
	require.FileExists(t, w.file("a"))
}

func TestShortWrite(t *testing.T) {
	w := newTracedShell(t)
	_, err := w.run("exec cat > a", ptracer.Hooks{Enter: w.on("write", "a", ptracer.Action{Short: 4})})
	require.NoError(t, err)
	text, err := os.ReadFile(w.file("a"))
	require.NoError(t, err)
	require.Equal(t, "from standard input\n", string(text), "cat writes the rest")
}

const threadsEnv = "LEASEHOLD_PTRACER_THREADS"

// TestThreads traces this test binary: eight threads write a file each.
func TestThreads(t *testing.T) {
	if dir := os.Getenv(threadsEnv); dir != "" {
		writeInThreads(t, dir)
		return
	}
	w := newTracedShell(t)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestThreads$")
	cmd.Env = append(os.Environ(), threadsEnv+"="+w.dir)
	writers := make(map[int]string)
	n := 0
	calls, err := ptracer.Run(cmd, ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		n++
		assert.Equal(t, n, c.N)
		assert.Equal(t, cmd.Process.Pid, c.PID)
		if c.Name == "write" && filepath.Dir(c.Path) == w.dir {
			writers[c.TID] = c.Path
		}
		return ptracer.Action{}
	}})
	require.NoError(t, err)
	require.Equal(t, n, calls)
	require.Len(t, writers, 8)
}

func writeInThreads(t *testing.T, dir string) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			runtime.LockOSThread() // never unlocked, so the thread exits with the goroutine
			assert.NoError(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), []byte("x"), 0o600))
		})
	}
	all.Wait()
}
