package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A podman is Podman in a host of its own with its own containers. It finds our plugin
// before the stock one.
type podman struct {
	host host
	dir  string
}

// Otherwise Podman would use the journal and the shared memory of this machine.
const containersConf = `
[network]
network_backend = "cni"
cni_plugin_dirs = [%q, %q, "/usr/lib/cni"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
`

// podmanWanted reports whether to run the tests that need programs of a distribution.
func podmanWanted() bool { return os.Getenv("LEASEHOLD_PODMAN") != "" }

// newPodman skips the test unless LEASEHOLD_PODMAN is set.
func newPodman(t *testing.T) podman {
	t.Helper()
	if !podmanWanted() {
		t.Skip("runs with LEASEHOLD_PODMAN=1, root, and on Debian 12: " +
			"apt-get install podman busybox-static containernetworking-plugins")
	}
	inNewNamespace(t)
	p := podman{host: newHost(t), dir: t.TempDir()}
	require.NoError(t, os.Mkdir(p.networks(), 0o755))
	conf := fmt.Sprintf(containersConf, filepath.Join(bin, "ours"), filepath.Join(bin, "main"))
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "containers.conf"), []byte(conf), 0o600))
	makeRoot(t, filepath.Join(p.dir, "rootfs"))
	return p
}

// makeRoot creates the root directory of a container with busybox and a page to serve.
func makeRoot(t *testing.T, dir string) {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	require.NoError(t, err)
	text, err := os.ReadFile(busybox)
	require.NoError(t, err)
	for _, d := range []string{"bin", "dev", "etc", "proc", "run", "sys", "tmp", "www"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", "busybox"), text, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "www", "index.html"), []byte("a page"), 0o644))
}

func (p podman) networks() string { return filepath.Join(p.dir, "net.d") }

// command returns a podman command.
func (p podman) command(args ...string) *exec.Cmd {
	cmd := p.host.command(append([]string{"podman",
		"--root", filepath.Join(p.dir, "root"), "--runroot", "/run/containers",
		"--storage-driver", "vfs", "--network-config-dir", p.networks()}, args...)...)
	cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+filepath.Join(p.dir, "containers.conf"))
	return cmd
}

// must runs a command that must succeed and returns its trimmed output.
func must(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%v\n%s%s", cmd.Args, out, &stderr)
	return strings.TrimSpace(string(out))
}

func (p podman) do(t *testing.T, args ...string) string {
	t.Helper()
	return must(t, p.command(args...))
}

// run returns the command that runs a busybox program in a container.
func (p podman) run(flags []string, program ...string) *exec.Cmd {
	args := append([]string{"run", "--cgroups=disabled"}, flags...)
	args = append(args, "--rootfs", filepath.Join(p.dir, "rootfs"), "/bin/busybox")
	return p.command(append(args, program...)...)
}

// serve starts a container that serves a page, and returns its ID.
func (p podman) serve(t *testing.T, network string, flags ...string) string {
	t.Helper()
	return must(t, p.run(append(flags, "--detach", "--network", network), "httpd", "-f", "-h", "/www"))
}

// build starts a build with a RUN step of some seconds on a network. The OCI runtime
// creates no cgroup, because limiting devices needs CAP_SYS_RESOURCE.
func (p podman) build(t *testing.T, network string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	must(t, p.host.command("tar", "-C", filepath.Join(p.dir, "rootfs"), "-cf", filepath.Join(dir, "root.tar"), "."))
	p.do(t, "import", filepath.Join(dir, "root.tar"), "localhost/base")
	text := "FROM localhost/base\nRUN [\"/bin/busybox\", \"sleep\", \"5\"]\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Containerfile"), []byte(text), 0o600))
	cmd := p.command("build", "--runtime-flag", "cgroup-manager=disabled", "--network", network, dir)
	require.NoError(t, cmd.Start())
	return cmd
}

// fetch requires that a new container on the network gets the page from an address.
func (p podman) fetch(t *testing.T, network string, addr netip.Addr) {
	t.Helper()
	url := "http://" + netip.AddrPortFrom(addr, 80).String() + "/index.html"
	require.Equal(t, "a page", must(t, p.run([]string{"--rm", "--network", network}, "wget", "-q", "-O", "-", url)))
}

// addrs returns the addresses of a container according to podman.
func (p podman) addrs(t *testing.T, id, network string) []netip.Addr {
	t.Helper()
	text := p.do(t, "inspect", "--format", fmt.Sprintf(`{{with index .NetworkSettings.Networks %q}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}`, network), id)
	var addrs []netip.Addr
	for _, field := range strings.Fields(text) {
		addr, err := netip.ParseAddr(field)
		require.NoError(t, err, "%s", text)
		addrs = append(addrs, addr)
	}
	return addrs
}

// leasehold returns a leasehold command in the host for podman's networks.
func (p podman) leasehold(args ...string) *exec.Cmd {
	return p.host.command(append([]string{filepath.Join(bin, "tools", "leasehold"), "--conf-dir", p.networks()}, args...)...)
}

// held returns the container for each leased address of a network, according to leasehold.
func (p podman) held(t *testing.T, network string) map[netip.Addr]string {
	t.Helper()
	var leases []struct {
		Address     netip.Addr
		ContainerID string
		IfName      string
	}
	text := must(t, p.leasehold("list", network, "--output", "json"))
	require.NoError(t, json.Unmarshal([]byte(text), &leases), "%s", text)
	held := make(map[netip.Addr]string)
	for _, l := range leases {
		require.Equal(t, "eth0", l.IfName)
		held[l.Address] = l.ContainerID
	}
	return held
}

// holds requires that these containers hold the addresses that podman reports, and that
// there are no other leases. It returns the first address of each.
func (p podman) holds(t *testing.T, network string, ids ...string) []netip.Addr {
	t.Helper()
	want := make(map[netip.Addr]string)
	var first []netip.Addr
	for _, id := range ids {
		addrs := p.addrs(t, id, network)
		require.NotEmpty(t, addrs)
		first = append(first, addrs[0])
		for _, addr := range addrs {
			want[addr] = id
		}
	}
	require.Equal(t, want, p.held(t, network))
	return first
}
