package interop

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A containerd runs in a host of its own and is used through crictl, which calls it like a
// kubelet.
type containerd struct {
	host   host
	dir    string
	plugin recorder
	ipam   string // further keys of the network's "ipam"
}

// The default sockets and directories: the host has its own /run and /var/lib.
const containerdConf = `
version = 3
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp"]
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = %q
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [%q, %q]
conf_dir = %q
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = %q
`

// The pods would share the machine's cgroups, and need none. The crun of Debian 12 runs
// the OCI configuration that containerd writes, but does not know its version.
const ociRuntime = `#!/bin/sh
before=
for word; do
	[ "$before" != --bundle ] || sed -i 's/"ociVersion":"[^"]*"/"ociVersion":"1.0.2"/' "$word/config.json"
	before=$word
done
exec crun --cgroup-manager=disabled "$@"
`

const podConf = `{
	"metadata": {"name": %[1]q, "namespace": "default", "uid": "uid-of-%[1]s"},
	"linux": {"security_context": {"namespace_options": {}}}
}`

// onContainerd runs fn with a network of each store, with these keys in ipam.
func onContainerd(t *testing.T, ipam string, fn func(t *testing.T, c containerd)) {
	for _, backend := range []string{"bolt", "files"} {
		t.Run(backend, func(t *testing.T) {
			c := newContainerd(t, fmt.Sprintf(`"backend": %q, %s`, backend, ipam))
			fn(t, c)
			require.NotContains(t, commands(c.plugin.calls(t)), "GC", "containerd sends GC now: correct docs/runtimes.md")
		})
	}
}

// newContainerd skips the test unless LEASEHOLD_CONTAINERD is set.
func newContainerd(t *testing.T, ipam string) containerd {
	t.Helper()
	if containerdWanted() == "" {
		t.Skip("runs with LEASEHOLD_CONTAINERD=1, root, and on Debian 12: apt-get install crun busybox-static")
	}
	inNewNamespace(t)
	dir := t.TempDir()
	c := containerd{newHost(t), dir, newRecorder(t), ipam}
	c.write(t, "runtime", ociRuntime)
	c.write(t, "config.toml", fmt.Sprintf(containerdConf, podImage, c.plugin.dir, filepath.Join(bin, "main"), c.networks(), filepath.Join(dir, "runtime")))
	c.configure(t, c.conflist("net"))
	c.start(t)
	writeImage(t, filepath.Join(dir, "image.tar"))
	must(t, c.command("ctr", "--namespace", "k8s.io", "images", "import", "--local", "--no-unpack", filepath.Join(dir, "image.tar")))
	return c
}

// commands returns the commands of the calls.
func commands(calls []recordedCall) []string {
	var all []string
	for _, c := range calls {
		all = append(all, c.command)
	}
	return all
}

func (c containerd) networks() string { return filepath.Join(c.dir, "net.d") }

func (c containerd) leases() string { return filepath.Join(c.dir, "leases") }

func (c containerd) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o700))
}

// conflist returns the configuration of the network with this name.
func (c containerd) conflist(name string) string {
	return fmt.Sprintf(`{"cniVersion": "1.1.0", "name": %q, "plugins": [{%s, "ipam": {"type": "host-local", "dataDir": %q, %s}}]}`,
		name, bridge, c.leases(), c.ipam)
}

// configure atomically installs the configuration in the directory that containerd watches.
func (c containerd) configure(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(c.networks(), 0o755))
	aside := filepath.Join(c.networks(), "new")
	require.NoError(t, os.WriteFile(aside, []byte(text), 0o600))
	require.NoError(t, os.Rename(aside, filepath.Join(c.networks(), "10-net.conflist")))
}

// command returns a command that runs a program of containerd, or a shell, in the host.
func (c containerd) command(name string, args ...string) *exec.Cmd {
	path := "PATH=" + filepath.Join(bin, "containerd") + ":" + os.Getenv("PATH")
	return c.host.command(append([]string{"env", path, name}, args...)...)
}

// start starts containerd and waits until it is ready.
func (c containerd) start(t *testing.T) {
	t.Helper()
	must(t, c.command("sh", "-c", `cd "$1"; containerd --config config.toml >>log 2>&1 & echo $! >pid`, "sh", c.dir))
	require.Eventually(t, func() bool { return c.crictl("version").Run() == nil }, 2*time.Minute, 100*time.Millisecond)
}

// kill kills containerd. Pods and running plugins continue.
func (c containerd) kill(t *testing.T) {
	t.Helper()
	must(t, c.command("sh", "-c", `cd "$1"; kill -KILL $(cat pid); while kill -0 $(cat pid); do sleep 0.1; done 2>&-`, "sh", c.dir))
}

func (c containerd) crictl(args ...string) *exec.Cmd {
	return c.command("crictl", append([]string{"--runtime-endpoint", "unix:///run/containerd/containerd.sock", "--timeout", "2m"}, args...)...)
}

// podFile writes the pod configuration for crictl.
func (c containerd) podFile(t *testing.T, name string) string {
	t.Helper()
	c.write(t, name+".json", fmt.Sprintf(podConf, name))
	return filepath.Join(c.dir, name+".json")
}

// run returns the command that starts a pod.
func (c containerd) run(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	return c.crictl("runp", c.podFile(t, name))
}

// pod starts a pod and returns the ID of its sandbox.
func (c containerd) pod(t *testing.T, name string) string {
	t.Helper()
	return must(t, c.run(t, name))
}

// addr returns the address of a pod according to containerd.
func (c containerd) addr(t *testing.T, id string) netip.Addr {
	t.Helper()
	addr, err := netip.ParseAddr(must(t, c.crictl("inspectp", "--output", "go-template", "--template", "{{.status.network.ip}}", id)))
	require.NoError(t, err)
	return addr
}

// leasehold returns a leasehold command in the host.
func (c containerd) leasehold(args ...string) *exec.Cmd {
	return c.host.command(append([]string{filepath.Join(bin, "tools", "leasehold"), "--conf-dir", c.networks(), "--data-dir", c.leases()}, args...)...)
}

// held returns the container for each leased address of a network, according to leasehold.
func (c containerd) held(t *testing.T, network string) map[netip.Addr]string {
	t.Helper()
	var leases []struct {
		Address     netip.Addr
		ContainerID string
	}
	text := must(t, c.leasehold("list", network, "--output", "json"))
	require.NoError(t, json.Unmarshal([]byte(text), &leases), "%s", text)
	held := make(map[netip.Addr]string)
	for _, l := range leases {
		held[l.Address] = l.ContainerID
	}
	return held
}

// holds checks that the pods have the leased addresses and serve their page, and that no
// other address is leased.
func (c containerd) holds(t *testing.T, ids ...string) {
	t.Helper()
	want := make(map[netip.Addr]string)
	for _, id := range ids {
		addr := c.addr(t, id)
		want[addr] = id
		url := "http://" + netip.AddrPortFrom(addr, 80).String() + "/index.html"
		require.Equal(t, "a page", must(t, c.command("busybox", "wget", "-q", "-O", "-", url)))
	}
	require.Equal(t, want, c.held(t, "net"))
}

// collect releases the leases of all pods that containerd does not list.
func (c containerd) collect(t *testing.T, network string) {
	t.Helper()
	gc := c.leasehold("gc", network, "--valid", "-", "--release-starting")
	gc.Stdin = strings.NewReader(must(t, c.crictl("pods", "--quiet")))
	must(t, gc)
}
