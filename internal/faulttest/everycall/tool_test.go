package everycall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// TestKillRepair kills a repair at each call that changes a file. The store has lost one
// meta page, so it still works but does not verify.
func TestKillRepair(t *testing.T) {
	requireTracer(t)
	p := faulttest.Shared(t)
	s := scenarioNamed(t, config.Bolt, migrate)
	forEachKill(t, func(n faulttest.Network, kill func(*exec.Cmd) (bool, error)) (done bool, err error) {
		n.Backend = config.Bolt
		a, err := s.attempt(n, p)
		if err != nil {
			return false, err
		}
		defer func() { err = errors.Join(err, a.mount.close()) }()
		n = a.network
		if err := zeroOlderMeta(n.Path()); err != nil {
			return false, err
		}
		repair := func() *exec.Cmd { return n.Tool(p.Leasehold, "verify", faulttest.Name, "--repair") }
		if done, err = kill(repair()); err != nil {
			return done, err
		}
		if err := a.mount.checkNoDoubleLease(n); err != nil {
			return done, err
		}
		if out, err := repair().CombinedOutput(); err != nil && !done {
			return done, fmt.Errorf("repair again: %w: %s", err, out)
		}
		after, err := n.Verify(context.Background())
		if err != nil {
			return done, err
		}
		if !maps.EqualFunc(a.before, after, slices.Equal) {
			return done, fmt.Errorf("before: %v; after: %v", a.before, after)
		}
		if codeReplaced, err := a.mount.leadsElsewhere(n); err != nil || !codeReplaced {
			return done, err // An ADD has overwritten the damaged page.
		}
		return done, a.mount.checkRejected()
	})
}

// verifyWithout returns a function that runs leasehold verify while the disk does not give a page of
// the file that is at the path of the store now.
func verifyWithout(t *testing.T, n faulttest.Network, p faulttest.Programs, id int64) func(args ...string) (string, error) {
	t.Helper()
	old, err := os.Stat(n.Path())
	require.NoError(t, err)
	return func(args ...string) (string, error) {
		cmd := n.Tool(p.Leasehold, append([]string{"verify", faulttest.Name}, args...)...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_, err := ptracer.Run(cmd, unreadable(old, id))
		return out.String(), err
	}
}

// TestRepairOfAnUnreadableMetaPage repairs a store whose disk does not give one of the meta pages:
// the last one, or the one before it.
func TestRepairOfAnUnreadableMetaPage(t *testing.T) {
	requireTracer(t)
	p := faulttest.Shared(t)
	for id := range int64(2) {
		n := faulttest.Network{Dir: faulttest.Dir(t), Backend: config.Bolt, Size: size}
		require.NoError(t, inOrder(usedStore, addTarget)(n))
		before, err := n.Verify(context.Background())
		require.NoError(t, err)
		run := verifyWithout(t, n, p, id)
		out, err := run()
		require.Error(t, err)
		require.Contains(t, out, fmt.Sprintf("%s: store is damaged: page %d, meta page: read %[1]s: input/output error", n.Path(), id))
		out, err = run("--repair")
		require.NoError(t, err, out)
		require.Contains(t, out, "a new store holds 3 leases")
		after, err := n.Verify(context.Background())
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.NoError(t, n.Exercise(context.Background()))
	}
}

// TestRepairOfAnUnreadablePage repairs stores that a killed ADD has left and whose disk does not
// give one of the pages. No address is free that was leased before.
func TestRepairOfAnUnreadablePage(t *testing.T) {
	requireTracer(t)
	p := faulttest.Shared(t)
	for nth, i := range interruptions(config.Bolt) {
		if nth > 0 && !faulttest.Exhaustive() {
			break
		}
		repaired := 0
		for id := int64(2); ; id++ {
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: config.Bolt, Size: size}
			require.NoError(t, inOrder(usedStore, addTarget)(n))
			require.NoError(t, i.prepare(n, p))
			info, err := os.Stat(n.Path())
			require.NoError(t, err)
			if id*int64(os.Getpagesize()) >= info.Size() {
				break
			}
			if repairUnreadable(t, n, p, id) {
				repaired++
			}
		}
		require.Greater(t, repaired, 1, i.name)
	}
}

// repairUnreadable repairs a store whose disk does not give a page, and reports whether it had to
// be repaired.
func repairUnreadable(t *testing.T, n faulttest.Network, p faulttest.Programs, id int64) bool {
	t.Helper()
	before, err := n.Holding(context.Background())
	require.NoError(t, err)
	run := verifyWithout(t, n, p, id)
	out, err := run()
	if err == nil {
		return false // The page is free.
	}
	require.Contains(t, out, "store is damaged")
	require.Contains(t, out, "input/output error")
	if out, err = run("--repair"); err != nil {
		require.Contains(t, out, "leases are lost, and the file does not show for certain which", "page %d", id)
		out, err = run("--repair", "--accept-loss")
		require.NoError(t, err, "page %d: %s", id, out)
		_, err = n.Verify(context.Background())
		require.NoError(t, err)
		return true
	}
	after, err := n.Verify(context.Background())
	require.NoError(t, err)
	require.Subset(t, allAddrs(after), allAddrs(before), "page %d: %s", id, out)
	return true
}

func allAddrs(h faulttest.Holding) (all []netip.Addr) {
	for _, addrs := range h {
		all = append(all, addrs...)
	}
	return all
}

// unreadable makes a disk that does not give one page of a file.
func unreadable(file fs.FileInfo, id int64) ptracer.Hooks {
	size := int64(os.Getpagesize())
	return ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		switch c.Name {
		case "pread64":
			if c.Offset >= (id+1)*size || c.Offset+c.Size <= id*size {
				return ptracer.Action{}
			}
		case "read", "copy_file_range", "sendfile": // They read all of the file.
		default:
			return ptracer.Action{}
		}
		info, err := os.Stat(fmt.Sprintf("/proc/%d/fd/%d", c.PID, c.FD))
		if err != nil || !os.SameFile(info, file) {
			return ptracer.Action{}
		}
		return ptracer.Action{Errno: syscall.EIO}
	}}
}

// zeroOlderMeta overwrites the older meta page of a bolt file.
func zeroOlderMeta(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	const txid = 64 // offset in the page
	page := os.Getpagesize()
	var ids [2][8]byte
	for i := range ids {
		if _, err := f.ReadAt(ids[i][:], int64(i*page+txid)); err != nil {
			return err
		}
	}
	older := 0
	if ids[1][0] < ids[0][0] { // The IDs are small and little-endian.
		older = 1
	}
	_, err = f.WriteAt(make([]byte, page), int64(older*page))
	return err
}

// TestKillImport kills an import that creates a store at each call that changes a file.
func TestKillImport(t *testing.T) {
	requireTracer(t)
	p := faulttest.Shared(t)
	export := filepath.Join(t.TempDir(), "export.jsonl")
	const text = `{"leasehold":1,"network":"podnet","store":"files","cursors":{"0":"10.0.0.10"}}
{"network":"podnet","address":"10.0.0.10","containerID":"one","ifname":"eth0","since":"2026-01-02T03:04:05Z"}
{"end":"podnet","leases":1}
`
	require.NoError(t, os.WriteFile(export, []byte(text), 0o600))
	for _, kind := range []string{config.Files, config.Bolt} {
		forEachKill(t, func(n faulttest.Network, kill func(*exec.Cmd) (bool, error)) (done bool, err error) {
			if err := os.MkdirAll(n.Dir, 0o755); err != nil {
				return false, err
			}
			imports := func() *exec.Cmd { return n.Tool(p.Leasehold, "import", export, "--backend", kind) }
			if done, err = kill(imports()); err != nil {
				return done, err
			}
			// The store is complete or absent.
			h, err := n.Verify(context.Background())
			if err != nil || len(h) > 1 || len(h) == 1 && h["one"] == nil {
				return done, fmt.Errorf("after the import: %v, %w", h, err)
			}
			if out, err := imports().CombinedOutput(); err != nil {
				return done, fmt.Errorf("import again: %w: %s", err, out)
			}
			if h, err = n.Verify(context.Background()); err != nil || h["one"] == nil {
				return done, fmt.Errorf("after the import again: %v, %w", h, err)
			}
			return done, n.Exercise(context.Background())
		})
	}
}

// forEachKill calls fn with a new network and a function that kills a process at its first
// call that changes a file, then at its second, and so on, until the process completes.
func forEachKill(t *testing.T, fn func(n faulttest.Network, kill func(*exec.Cmd) (bool, error)) (done bool, err error)) {
	t.Helper()
	dir := faulttest.Dir(t)
	for i := 1; ; i++ {
		n := faulttest.Network{Dir: filepath.Join(dir, strconv.Itoa(i)), Size: size}
		where := ""
		done, err := fn(n, func(cmd *exec.Cmd) (bool, error) {
			enter, matched := atNth(i, changesFiles, ptracer.Action{Kill: true})
			_, err := ptracer.Run(cmd, ptracer.Hooks{Enter: enter})
			where = describe(matched())
			if matched() == nil || ptracer.Killed(err) {
				err = nil
			}
			return matched() == nil, err
		})
		require.NoError(t, err, "killed at %s", where)
		if done {
			require.Greater(t, i, 10)
			t.Log(i-1, "kills")
			return
		}
		require.NoError(t, os.RemoveAll(n.Dir))
	}
}
