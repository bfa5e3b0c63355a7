package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
)

// A plugin is an executable.
type plugin struct {
	name string
	path string
}

func stock() plugin { return plugin{"stock", filepath.Join(bin, "stock", "host-local")} }

// older returns the stock plugin of [olderVersion].
func older() plugin {
	return plugin{"stock " + olderVersion, filepath.Join(bin, olderVersion, "host-local")}
}

func ours() plugin { return plugin{"ours", filepath.Join(bin, "ours", "host-local")} }

// An attachment is a container and an interface.
type attachment struct {
	id     string
	ifName string
}

// A call is one execution of a plugin.
type call struct {
	command string
	who     attachment
	args    string // CNI_ARGS
	conf    string
	dir     string            // the working directory
	env     map[string]string // overrides variables; empty values remove them
	kill    func() bool       // polled for whether to kill the process; may be nil
}

// environ returns the environment that a runtime sets. The network namespace does not
// exist, because an IPAM plugin does not use it.
func (c call) environ() []string {
	vars := map[string]string{
		"CNI_COMMAND":     c.command,
		"CNI_CONTAINERID": c.who.id,
		"CNI_IFNAME":      c.who.ifName,
		"CNI_NETNS":       "/run/netns/none",
		"CNI_PATH":        "/opt/cni/bin",
		"CNI_ARGS":        c.args,
	}
	for name, value := range c.env {
		vars[name] = value
	}
	var environ []string
	for name, value := range vars {
		if value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	return environ
}

// An answer is the result of a call.
type answer struct {
	ok     bool
	killed bool
	stdout []byte
	stderr string
}

// run executes the plugin. The error means that this was not possible; an error of the
// plugin is an answer.
func (p plugin) run(c call) (answer, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(p.path)
	cmd.Env, cmd.Dir = c.environ(), c.dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.conf), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return answer{}, fmt.Errorf("run %s: %w", p.path, err)
	}
	ended := make(chan struct{})
	if c.kill != nil {
		go c.watch(cmd.Process, ended)
	}
	err := cmd.Wait()
	close(ended)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return answer{}, fmt.Errorf("run %s: %w", p.path, err)
	}
	return answer{
		ok:     err == nil,
		killed: !cmd.ProcessState.Exited(),
		stdout: stdout.Bytes(),
		stderr: stderr.String(),
	}, nil
}

// watch kills the process when c.kill says so.
func (c call) watch(p *os.Process, ended <-chan struct{}) {
	for !c.kill() {
		select {
		case <-ended:
			return
		default:
			runtime.Gosched()
		}
	}
	_ = p.Kill() // It may have just ended.
}

// mustRun is run, and fails the test on an error.
func (p plugin) mustRun(t *testing.T, c call) answer {
	t.Helper()
	a, err := p.run(c)
	require.NoError(t, err)
	return a
}

// mustDo is mustRun for a call that must succeed.
func (p plugin) mustDo(t *testing.T, c call) answer {
	t.Helper()
	a := p.mustRun(t, c)
	require.True(t, a.ok, "%s by %s: %s", c.command, p.name, a)
	return a
}

func (a answer) String() string { return string(a.stdout) + a.stderr }

// addrs returns the addresses in a result of CNI 0.3.0 or later.
func (a answer) addrs() ([]netip.Addr, error) {
	var result struct {
		IPs []struct {
			Address netip.Prefix `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal(a.stdout, &result); err != nil {
		return nil, fmt.Errorf("%s: %w", a, err)
	}
	var addrs []netip.Addr
	for _, ip := range result.IPs {
		addrs = append(addrs, ip.Address.Addr())
	}
	return addrs, nil
}

// mustAddrs is addrs, and fails the test on an error.
func (a answer) mustAddrs(t *testing.T) []netip.Addr {
	t.Helper()
	addrs, err := a.addrs()
	require.NoError(t, err)
	return addrs
}

// refusal returns the CNI error of a plugin. It is empty for a plugin that crashed.
func (a answer) refusal() types.Error {
	var e types.Error
	if a.ok || json.Unmarshal(a.stdout, &e) != nil {
		return types.Error{}
	}
	return e
}

// requireError requires a CNI error with that code and text.
func (a answer) requireError(t *testing.T, code int, text string) {
	t.Helper()
	require.False(t, a.ok, "%s", a)
	e := a.refusal()
	require.EqualValues(t, code, e.Code, "%s", a)
	require.Contains(t, e.Msg, text)
}

// decoded returns the decoded JSON of an answer.
func decoded(t *testing.T, a answer) (v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.stdout, &v), "%s", a)
	return v
}
