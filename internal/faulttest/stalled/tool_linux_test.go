package stalled

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// requireFree requires that plugins get the lock of a network.
func requireFree(t *testing.T, n faulttest.Network) {
	t.Helper()
	n.Backend = "" // use the existing store
	require.NoError(t, n.With("lockTimeout", "20s").AddAndDel(holding(t, n)))
}

func tool(t *testing.T, n faulttest.Network, args ...string) *exec.Cmd {
	t.Helper()
	return n.Tool(faulttest.Shared(t).Leasehold, args...)
}

// other returns the other kind of store.
func other(n faulttest.Network) string {
	if n.Backend == config.Files {
		return config.Bolt
	}
	return config.Files
}

// A command that waits for input holds no lock, and Ctrl-C ends it.
func TestWaitForInputHoldsNoLock(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		exported, err := tool(t, n, "export").Output()
		require.NoError(t, err)
		lines := bytes.SplitAfter(exported, []byte("\n"))
		for name, c := range map[string]struct {
			args []string
			in   []byte // the input before the stall
		}{
			"import":           {[]string{"import", "-"}, bytes.Join(lines[:2], nil)},
			"import, nothing":  {[]string{"import", "-"}, nil},
			"import --dry-run": {[]string{"import", "-", "--dry-run"}, bytes.Join(lines[:2], nil)},
			"gc":               {[]string{"gc", faulttest.Name, "--valid", "-"}, []byte("web\n")},
		} {
			t.Run(name, func(t *testing.T) {
				r, w, err := os.Pipe()
				require.NoError(t, err)
				cmd := tool(t, n, c.args...)
				cmd.Stdin = r
				p := start(t, cmd)
				require.NoError(t, r.Close())
				defer w.Close()
				_, err = w.Write(c.in)
				require.NoError(t, err)
				p.awaitCall(waitsForInput)
				requireFree(t, n)
				require.NoError(t, cmd.Process.Signal(unix.SIGINT))
				require.Equal(t, -1, p.wait(), "%v", cmd.ProcessState)
				require.Equal(t, []string{"web"}, containers(t, n))
			})
		}
	})
}

// A stalled import blocks neither its own network nor another.
func TestStalledImportBlocksNoOthers(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		exported, err := tool(t, n, "export").Output()
		require.NoError(t, err)
		dir := faulttest.Dir(t)
		for _, network := range []string{faulttest.Name, "another"} {
			text := bytes.ReplaceAll(exported, []byte(`:"`+faulttest.Name+`"`), []byte(`:"`+network+`"`))
			lines := bytes.SplitAfter(text, []byte("\n"))
			r, w, err := os.Pipe()
			require.NoError(t, err)
			there := faulttest.Network{Dir: dir}
			cmd := tool(t, there, "import", "-")
			cmd.Stdin = r
			p := start(t, cmd)
			require.NoError(t, r.Close())
			_, err = w.Write(bytes.Join(lines[:2], nil))
			require.NoError(t, err)
			p.awaitCall(waitsForInput)
			out, err := tool(t, n, "migrate", faulttest.Name, "--to", other(n), "--lock-timeout", "20s").CombinedOutput()
			require.NoError(t, err, "%s", out)
			n.Backend = other(n)

			whole := there.Dir + "/" + network + ".jsonl"
			require.NoError(t, os.WriteFile(whole, text, 0o600))
			out, err = tool(t, there, "import", whole, "--lock-timeout", "20s").CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.NoError(t, os.Remove(whole))

			_, err = w.Write(bytes.Join(lines[2:], nil))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			_, status := p.answer()
			require.Zero(t, status, &p.stderr)
			require.Contains(t, p.stderr.String(), "imported 0 leases, 1 existed already")
		}
	})
}

// An open pager or a stopped terminal blocks no plugin.
func TestWaitForOutputHoldsNoLock(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		for _, args := range [][]string{
			{"list"}, {"list", "-o", "json"}, {"export"}, {"metrics"}, {"verify"}, {"who", "10.0.0.10"}, {"why-full", faulttest.Name},
			{"usage"}, {"map", faulttest.Name, "-o", "json"}, {"release", faulttest.Name, "10.0.0.10", "--dry-run"},
			{"gc", faulttest.Name, "--valid", os.DevNull, "--allow-none", "--dry-run"},
			{"verify", faulttest.Name, "--repair"}, {"migrate", faulttest.Name, "--to", other(n)}, {"migrate", faulttest.Name, "--to", n.Backend},
		} {
			t.Run(fmt.Sprint(args), func(t *testing.T) {
				r, w := fullPipe(t)
				cmd := tool(t, n, args...)
				cmd.Stdout, cmd.Stderr = w, w
				p := &process{T: t, cmd: cmd, caller: r}
				p.begin(w)
				p.awaitCall(writesStdout, writesStderr)
				requireFree(t, n)
				p.answer()
			})
		}
	})
}

// A migration draws its progress bar while it holds the lock. If Ctrl-S has stopped the
// terminal, the migration continues without drawing.
func TestStoppedTerminalDoesNotStopMigration(t *testing.T) {
	faulttest.System(t)
	n := faulttest.Network{Dir: faulttest.Dir(t), Backend: config.Files, Size: 9}
	require.NoError(t, stores.Create(n.Path(), n.Backend, manyLeases(50_000)))
	ptm, terminal := openTerminal(t)
	require.NoError(t, unix.IoctlSetInt(int(terminal.Fd()), unix.TCXONC, unix.TCOOFF))
	cmd := tool(t, n, "migrate", faulttest.Name, "--to", config.Bolt)
	cmd.Stdout, cmd.Stderr = terminal, terminal
	p := &process{T: t, cmd: cmd}
	p.begin()
	require.Eventually(t, func() bool {
		kind, err := stores.KindAt(n.Path())
		return err == nil && kind == config.Bolt
	}, time.Minute, 10*time.Millisecond)
	n.Backend = config.Bolt
	_, err := n.With("lockTimeout", "20s").Add("web")
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetInt(int(terminal.Fd()), unix.TCXONC, unix.TCOON))
	require.NoError(t, terminal.Close())
	go func() { _, _ = bytes.NewBuffer(nil).ReadFrom(ptm) }() // until the last writer has closed it
	require.Zero(t, p.wait())
}

func openTerminal(t *testing.T) (ptm, terminal *os.File) {
	t.Helper()
	ptm, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { ptm.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(ptm.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(ptm.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return ptm, terminal
}

// manyLeases returns count leases outside the network's pool.
func manyLeases(count int) backend.Content {
	return backend.Content{Leases: func(yield func(backend.Lease, error) bool) {
		addr := netip.MustParseAddr("10.1.0.0")
		for i := range count {
			addr = addr.Next()
			if !yield(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: fmt.Sprint("many", i)}, Since: time.Unix(1e9, 0)}, nil) {
				return
			}
		}
	}}
}
