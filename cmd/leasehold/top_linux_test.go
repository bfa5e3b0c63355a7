package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

// A pane is a terminal of tmux in which a command has run.
type pane struct {
	*testing.T
	socket string
}

// inTerminal runs the tool in a terminal of 80 columns and 24 lines. Its status, and whether the
// terminal echoes, are printed after it.
func inTerminal(t *testing.T, env string, args ...string) *pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux")
	}
	p := &pane{t, filepath.Join(t.TempDir(), "tmux")}
	line := "env " + env + " leasehold " + strings.Join(args, " ") + "; echo status $?; stty -a; sleep 1000"
	// Not in the user's shell: that can be none that runs commands.
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "/bin/sh", "-c", line)
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", p.socket, "kill-server").Run() // It ends by itself if the shell has ended.
	})
	return p
}

func (p *pane) tmux(args ...string) string {
	p.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", p.socket}, args...)...).CombinedOutput()
	require.NoError(p, err, "%s", out)
	return string(out)
}

func (p *pane) press(keys ...string) { p.tmux(append([]string{"send-keys"}, keys...)...) }

// shows waits until the terminal shows a text, and returns what it shows.
func (p *pane) shows(text string) string {
	p.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		screen := p.tmux("capture-pane", "-p")
		if strings.Contains(screen, text) {
			return screen
		}
		if time.Now().After(deadline) {
			p.Fatalf("the terminal lacks %q:\n%s", text, screen)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// restored makes sure that the tool has ended and the terminal is as it was before.
func (p *pane) restored(status int) {
	p.Helper()
	p.shows(fmt.Sprintf("status %d", status))
	screen := p.shows("iexten")
	require.NotContains(p, screen, "q quit", "the other screen is shown again")
	require.Contains(p, screen, " icanon ")
	require.Contains(p, screen, " echo ")
	require.Equal(p, "1\n", p.tmux("display-message", "-p", "#{cursor_flag}"), "the cursor is shown")
}

// topArgs returns the arguments of top for a network with two leases, and its data directory.
func topArgs(t *testing.T) (args []string, dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "net"), 0o755))
	conf := filepath.Join(dir, "net.conf")
	require.NoError(t, os.WriteFile(conf, []byte(`{"cniVersion": "1.0.0", "name": "net", "type": "bridge",
		"ipam": {"type": "host-local", "subnet": "10.1.0.0/24", "dataDir": "`+dir+`"}}`), 0o600))
	for _, addr := range []string{"10.1.0.2", "10.1.0.3"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "net", addr), []byte("c"+addr+"\r\neth0"), 0o600))
	}
	return []string{"top", "--conf", conf, "--data-dir", dir, "--interval", "200ms"}, dir
}

func TestTop(t *testing.T) {
	args, dir := topArgs(t)
	p := inTerminal(t, "LC_ALL=C.UTF-8 NO_COLOR=1", args...)
	p.shows("net              10.1.0.0/24                        2       0       251    0%")
	p.shows("10.1.0.0         x██···")
	require.NotContains(t, p.tmux("capture-pane", "-pe"), "\x1b[38;", "no colours")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "net", "10.1.0.9"), []byte("late\r\neth0"), 0o600))
	p.shows("10.1.0.0         x██·····█···")
	p.press("Tab")
	p.shows("10.1.0.9        late")
	p.press("/", "late")
	screen := p.shows("with “late”")
	require.NotContains(t, screen, "c10.1.0.2")
	p.tmux("resize-window", "-x", "40", "-y", "10")
	p.shows(" an address, pod or container  Enter")
	p.tmux("resize-window", "-x", "80", "-y", "24")
	p.press("Enter", "Right")
	p.shows("a files store keeps no history")
	p.press("q")
	p.restored(cli.StatusOK)
}

// Bytes that are not of the terminal's encoding are left out, and the keys after them work.
func TestTopIgnoresOtherBytes(t *testing.T) {
	args, _ := topArgs(t)
	p := inTerminal(t, "LC_ALL=C.UTF-8", args...)
	p.shows("10.1.0.0/24")
	pasted := filepath.Join(t.TempDir(), "pasted")
	require.NoError(t, os.WriteFile(pasted, []byte("/caf\xe9\xff"), 0o600))
	p.tmux("load-buffer", pasted)
	p.tmux("paste-buffer")
	p.shows("with “caf”")
	p.press("Enter", "q")
	p.restored(cli.StatusOK)
}

// The terminal is restored however top ends.
func TestTopRestores(t *testing.T) {
	args, dir := topArgs(t)
	t.Run("Ctrl-C", func(t *testing.T) {
		p := inTerminal(t, "LC_ALL=C.UTF-8", args...)
		p.shows("10.1.0.0/24")
		p.press("C-c")
		p.restored(cli.StatusOK)
	})
	t.Run("SIGTERM", func(t *testing.T) {
		p := inTerminal(t, "LC_ALL=C", args...)
		p.shows("10.1.0.0/24")
		var pid int
		_, err := fmt.Sscan(childOf(t, p.tmux("display-message", "-p", "#{pane_pid}")), &pid)
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
		p.restored(cli.StatusOK)
	})
	t.Run("error", func(t *testing.T) {
		p := inTerminal(t, "LC_ALL=C.UTF-8", args...)
		p.shows("10.1.0.0/24")
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "net.conf")))
		p.shows("not refreshed: ")
		p.shows("10.1.0.0/24")
		p.press("q")
		p.restored(cli.StatusOK)
	})
	t.Run("dumb", func(t *testing.T) {
		p := inTerminal(t, "TERM=dumb", "top", "--data-dir", dir)
		p.shows("this terminal cannot be used (TERM=dumb)")
		p.restored(cli.StatusError)
	})
}

// childOf returns the ID of the only child of a process.
func childOf(t *testing.T, pid string) string {
	t.Helper()
	pid = strings.TrimSpace(pid)
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	require.NoError(t, err)
	return string(children)
}

// Without a terminal it says what to use instead.
func TestTopNeedsATerminal(t *testing.T) {
	out, err := exec.Command("leasehold", "top").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "top needs a terminal; without one, use: leasehold usage")
}
