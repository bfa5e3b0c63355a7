package security_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) { os.Exit(faulttest.Main(m)) }

// A node has a directory "data", another directory outside it, and the programs.
type node struct {
	*testing.T
	faulttest.Programs
	root    string
	backend string // of the stores that it creates
	as      func(*exec.Cmd)
}

// secret is in files that only root may read. No output may contain it.
const secret = "swordfish"

func newNode(t *testing.T, backend string) node {
	t.Helper()
	n := node{T: t, Programs: faulttest.Shared(t), root: faulttest.Dir(t), backend: backend, as: func(*exec.Cmd) {}}
	// Other users must be able to enter these directories.
	for _, dir := range []string{n.root, filepath.Dir(n.HostLocal)} {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	require.NoError(t, os.Mkdir(n.in("data"), 0o755))
	require.NoError(t, os.Mkdir(n.in("outside"), 0o755))
	require.NoError(t, os.WriteFile(n.outside(), []byte(secret), 0o600))
	return n
}

// forEachStore runs a test on a node of each store.
func forEachStore(t *testing.T, test func(n node)) {
	for _, backend := range []string{config.Files, config.Bolt} {
		t.Run(backend, func(t *testing.T) { test(newNode(t, backend)) })
	}
}

func (n node) in(elements ...string) string {
	return filepath.Join(append([]string{n.root}, elements...)...)
}

// store returns a path in the data directory.
func (n node) store(elements ...string) string {
	return n.in(append([]string{"data"}, elements...)...)
}

func (n node) outside() string { return n.in("outside", "file") }

// network returns the network podnet with eight addresses from 10.0.0.10.
func (n node) network() faulttest.Network {
	return faulttest.Network{Dir: n.store(), Backend: n.backend, Size: 8, Program: n.HostLocal}
}

// An attachment is the environment of a plugin command.
type attachment struct{ id, ifname, args, netns string }

func pod(id string) attachment { return attachment{id: id, ifname: "eth0"} }

// plugin runs the plugin with the configuration of podnet and the keys in more.
func (n node) plugin(command string, a attachment, more map[string]any) (string, error) {
	n.Helper()
	cmd := n.network().Command(n.HostLocal, command, a.id, more)
	cmd.Env = []string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + a.id, "CNI_IFNAME=" + a.ifname,
		"CNI_ARGS=" + a.args, "CNI_NETNS=" + a.netns, "CNI_PATH=/opt/cni/bin"}
	n.prepare(cmd)
	out, err := cmd.Output()
	require.NotContains(n, string(out), secret)
	if err == nil {
		return string(out), nil
	}
	e := new(types.Error)
	require.NoError(n, json.Unmarshal(out, e), "%v: %s", err, out)
	require.NotZero(n, e.Code)
	return "", e
}

func (n node) add(id string) {
	n.Helper()
	_, err := n.plugin("ADD", pod(id), nil)
	require.NoError(n, err)
}

// rejects requires that the plugin fails with that code and changes nothing.
func (n node) rejects(code uint, command string, a attachment, more map[string]any) *types.Error {
	n.Helper()
	before := n.snapshot()
	_, err := n.plugin(command, a, more)
	e := new(types.Error)
	require.ErrorAs(n, err, &e, "%s %+v %v", command, a, more)
	require.Equal(n, code, e.Code, "%s %+v: %v", command, a, e)
	require.Equal(n, before, n.snapshot())
	return e
}

// tool runs leasehold and returns its exit status and output.
func (n node) tool(args ...string) (status int, text string) {
	n.Helper()
	cmd := n.network().Tool(n.Leasehold, args...)
	n.prepare(cmd)
	out, err := cmd.CombinedOutput()
	require.NotContains(n, string(out), secret)
	require.NotContains(n, string(out), "goroutine", "a panic")
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	}
	require.NoError(n, err, "%s", out)
	return 0, string(out)
}

// toolRejects requires that leasehold fails with an error that contains why, and changes
// nothing.
func (n node) toolRejects(why string, args ...string) {
	n.Helper()
	before := n.snapshot()
	status, text := n.tool(args...)
	require.Equal(n, 2, status, "%v: %s", args, text)
	require.Contains(n, text, why, "%v", args)
	require.Equal(n, before, n.snapshot(), "%v", args)
}

func (n node) mustTool(args ...string) string {
	n.Helper()
	status, text := n.tool(args...)
	require.Zero(n, status, "%v: %s", args, text)
	return text
}

// prepare makes the command run as n.as says, and end with the test.
func (n node) prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.as(cmd)
}

// A snapshotMap describes every file on a node by path: mode, owner and content.
type snapshotMap map[string]string

func (n node) snapshot() snapshotMap {
	n.Helper()
	s := make(snapshotMap)
	require.NoError(n, filepath.WalkDir(n.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := fmt.Sprint(info.Mode(), " of ", info.Sys().(*syscall.Stat_t).Uid)
		if target, err := os.Readlink(path); err == nil {
			text += " to " + target
		} else if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(content)
		}
		s[strings.TrimPrefix(path, n.root)] = text
		return nil
	}))
	return s
}

// without returns the snapshot without these names in the data directory.
func (s snapshotMap) without(names ...string) snapshotMap {
	rest := maps.Clone(s)
	for path := range s {
		for _, name := range names {
			if at := "/data/" + name; path == at || strings.HasPrefix(path, at+"/") {
				delete(rest, path)
			}
		}
	}
	return rest
}
