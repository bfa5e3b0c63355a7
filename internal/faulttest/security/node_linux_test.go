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

// A node is the directory "data" and something outside of it, and the programs that
// work there.
type node struct {
	*testing.T
	faulttest.Programs
	root    string
	backend string // of the stores that are made
	as      func(*exec.Cmd)
}

// secret stands in files that nobody but root may read, and nothing may show.
const secret = "swordfish"

func newNode(t *testing.T, backend string) node {
	t.Helper()
	n := node{T: t, Programs: faulttest.Shared(t), root: faulttest.Dir(t), backend: backend, as: func(*exec.Cmd) {}}
	// Also another user is to reach what is here.
	for _, dir := range []string{n.root, filepath.Dir(n.HostLocal)} {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	require.NoError(t, os.Mkdir(n.in("data"), 0o755))
	require.NoError(t, os.Mkdir(n.in("outside"), 0o755))
	require.NoError(t, os.WriteFile(n.outside(), []byte(secret), 0o600))
	return n
}

// onBoth runs a test on a node of either kind.
func onBoth(t *testing.T, test func(n node)) {
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

// network returns the network podnet, of eight addresses from 10.0.0.10 on.
func (n node) network() faulttest.Network {
	return faulttest.Network{Dir: n.store(), Backend: n.backend, Size: 8, Program: n.HostLocal}
}

// An attachment is what the environment says of one, besides the command.
type attachment struct{ id, ifname, args, netns string }

func pod(id string) attachment { return attachment{id: id, ifname: "eth0"} }

// plugin runs the plugin. The configuration is that of podnet, with other values for
// some keys.
func (n node) plugin(command string, a attachment, more map[string]any) (string, error) {
	n.Helper()
	cmd := n.network().Command(n.HostLocal, command, a.id, more)
	cmd.Env = []string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + a.id, "CNI_IFNAME=" + a.ifname,
		"CNI_ARGS=" + a.args, "CNI_NETNS=" + a.netns, "CNI_PATH=/opt/cni/bin"}
	n.mayRun(cmd)
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

// refuses requires that the plugin answers with an error of that code, and that it has
// touched nothing.
func (n node) refuses(code uint, command string, a attachment, more map[string]any) *types.Error {
	n.Helper()
	before := n.look()
	_, err := n.plugin(command, a, more)
	e := new(types.Error)
	require.ErrorAs(n, err, &e, "%s %+v %v", command, a, more)
	require.Equal(n, code, e.Code, "%s %+v: %v", command, a, e)
	require.Equal(n, before, n.look())
	return e
}

// tool runs leasehold, and returns its exit status and all that it writes.
func (n node) tool(args ...string) (status int, text string) {
	n.Helper()
	cmd := n.network().Tool(n.Leasehold, args...)
	n.mayRun(cmd)
	out, err := cmd.CombinedOutput()
	require.NotContains(n, string(out), secret)
	require.NotContains(n, string(out), "goroutine", "a panic")
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	}
	require.NoError(n, err, "%s", out)
	return 0, string(out)
}

// toolRefuses requires that leasehold ends with an error that says why, and has touched
// nothing.
func (n node) toolRefuses(why string, args ...string) {
	n.Helper()
	before := n.look()
	status, text := n.tool(args...)
	require.Equal(n, 2, status, "%v: %s", args, text)
	require.Contains(n, text, why, "%v", args)
	require.Equal(n, before, n.look(), "%v", args)
}

func (n node) works(args ...string) string {
	n.Helper()
	status, text := n.tool(args...)
	require.Zero(n, status, "%v: %s", args, text)
	return text
}

// mayRun has the command run as it is to be, and not longer than the test.
func (n node) mayRun(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.as(cmd)
}

// A sight is all there is on a node: by path, what it is, whose, and what it holds.
type sight map[string]string

func (n node) look() sight {
	n.Helper()
	s := make(sight)
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

// without returns what a sight has elsewhere than at a path of the data directory and
// below it.
func (s sight) without(names ...string) sight {
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
