package interop

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onPodman runs fn with a network called net on each store.
func onPodman(t *testing.T, fn func(t *testing.T, p podman, n network)) {
	for _, backend := range []string{"bolt", "files"} {
		t.Run(backend, func(t *testing.T) {
			p := newPodman(t)
			n := network{dir: filepath.Join(p.dir, "leases"), backend: backend, ipam: `"ranges": [[{"subnet": "10.7.0.0/24"}]]`}
			text := fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "net", "plugins": [{%s,
				"ipam": {"type": "host-local", "dataDir": %q, "backend": %q, %s}}]}`, bridge, n.dir, backend, n.ipam)
			require.NoError(t, os.WriteFile(filepath.Join(p.networks(), "net.conflist"), []byte(text), 0o600))
			fn(t, p, n)
			if backend == "bolt" {
				require.FileExists(t, n.path(), "what only our plugin makes")
			}
		})
	}
}

// Podman's containers get addresses, talk to each other, and release their addresses.
//
// Tested with podman 4.3.1+ds1-8+deb12u1+b3, conmon 2.1.6, crun 1.8.1, busybox-static 1.35.0,
// iptables 1.8.9 and containernetworking-plugins 1.1.1 of Debian 12. Podman 5.0 and later
// supports CNI only if it is built with it.
func TestPodman(t *testing.T) {
	onPodman(t, func(t *testing.T, p podman, _ network) {
		require.Contains(t, strings.Fields(p.do(t, "network", "ls", "--format", "{{.Name}}")), "net")
		require.Equal(t, "10.7.0.0/24", p.do(t, "network", "inspect", "--format", "{{range .Subnets}}{{.Subnet}}{{end}}", "net"))

		a, b := p.serve(t, "net"), p.serve(t, "net", "--ip", "10.7.0.77")
		addrs := p.holds(t, "net", a, b)
		require.Equal(t, netip.MustParseAddr("10.7.0.77"), addrs[1])
		for _, addr := range addrs {
			p.fetch(t, "net", addr)
		}
		p.holds(t, "net", a, b)

		out, err := p.run([]string{"--network", "net", "--ip", "10.7.0.77", "--name", "late"}, "true").CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "10.7.0.77")
		p.holds(t, "net", a, b)

		p.do(t, "rm", "--force", "--time", "0", a)
		p.holds(t, "net", b)
		p.do(t, "stop", "--time", "0", b)
		require.Empty(t, p.held(t, "net"), "a container that does not run has no address")
		p.do(t, "start", b)
		p.holds(t, "net", b)
		p.do(t, "rm", "--force", "--time", "0", "--all")
		require.Empty(t, p.held(t, "net"))
	})
}

// Containers are started concurrently, each by its own podman.
func TestPodmanManyAtOnce(t *testing.T) {
	onPodman(t, func(t *testing.T, p podman, _ network) {
		ids, errs := make([]string, 6), make([]error, 6)
		var all sync.WaitGroup
		for i := range ids {
			cmd := p.run([]string{"--detach", "--network", "net"}, "sleep", "1000")
			all.Go(func() {
				out, err := cmd.Output()
				ids[i], errs[i] = strings.TrimSpace(string(out)), err
			})
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		p.holds(t, "net", ids...)
		p.do(t, "rm", "--force", "--time", "0", "--all")
		require.Empty(t, p.held(t, "net"))
	})
}

// A container is killed after its conmon process, so that nothing cleans up. Removing the
// container releases its address.
func TestPodmanKilled(t *testing.T) {
	onPodman(t, func(t *testing.T, p podman, _ network) {
		a, b := p.serve(t, "net"), p.serve(t, "net")
		p.holds(t, "net", a, b)
		// Podman reports PIDs as seen in its host.
		pids := strings.Fields(p.do(t, "inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", a))
		require.Len(t, pids, 2)
		must(t, p.host.command(append([]string{"kill", "-KILL"}, pids...)...))
		require.Len(t, p.held(t, "net"), 2)
		p.do(t, "rm", "--force", a)
		p.holds(t, "net", b)
		p.do(t, "rm", "--force", "--time", "0", b)
		require.Empty(t, p.held(t, "net"))
	})
}

// gc with podman's list of containers releases the leases of containers that podman has
// forgotten.
func TestPodmanForgotten(t *testing.T) {
	onPodman(t, func(t *testing.T, p podman, n network) {
		a := p.serve(t, "net")
		ours().mustDo(t, n.call("ADD", attachment{strings.Repeat("f", 64), "eth0"}))
		require.Len(t, p.held(t, "net"), 2)
		gc := p.leasehold("gc", "net", "--valid", "-", "--release-starting")
		gc.Stdin = strings.NewReader(p.do(t, "ps", "--all", "--quiet", "--no-trunc"))
		must(t, gc)
		p.holds(t, "net", a)
	})
}

// Each RUN step of a build is attached with an ID that is in no list, and keeps its
// address.
func TestPodmanBuild(t *testing.T) {
	onPodman(t, func(t *testing.T, p podman, n network) {
		build := p.build(t, "net")
		var id string
		require.Eventually(t, func() bool {
			if _, err := os.Stat(n.path()); err != nil {
				return false
			}
			for _, holder := range p.held(t, "net") {
				id = holder
			}
			return id != ""
		}, time.Minute, 50*time.Millisecond)
		require.Regexp(t, "^buildah-buildah[0-9]+$", id)
		a := p.serve(t, "net")
		listed := p.do(t, "ps", "--all", "--quiet", "--no-trunc")
		require.Equal(t, a, listed)

		gc := p.leasehold("gc", "net", "--valid", "-", "--release-starting", "--dry-run")
		gc.Stdin = strings.NewReader(listed)
		want := map[string]string{"bolt": "its network namespace exists: /proc/", "files": "made by buildah, which lists no such container"}
		require.Contains(t, must(t, gc), id+" (eth0)")
		gc = p.leasehold("gc", "net", "--valid", "-", "--release-starting", "--verbose")
		gc.Stdin = strings.NewReader(listed)
		require.Contains(t, must(t, gc), want[n.backend])
		require.Len(t, p.held(t, "net"), 2)

		require.NoError(t, build.Wait())
		p.holds(t, "net", a)
		p.do(t, "rm", "--force", "--time", "0", a)
	})
}

// A dual-stack network created by podman is migrated to bolt while a container runs.
func TestPodmanOwnNetwork(t *testing.T) {
	p := newPodman(t)
	p.do(t, "network", "create", "--subnet", "10.8.0.0/24", "--ipv6", "--subnet", "fd00:8::/64", "made")
	a := p.serve(t, "made")
	addr := p.holds(t, "made", a)[0]
	must(t, p.leasehold("migrate", "made", "--to", "bolt"))
	require.FileExists(t, filepath.Join(p.host.dir, "lib", "cni", "networks", "made"))
	b := p.serve(t, "made")
	p.holds(t, "made", a, b)
	p.fetch(t, "made", addr)
	p.do(t, "rm", "--force", "--time", "0", a, b)
	require.Empty(t, p.held(t, "made"))
	p.do(t, "network", "rm", "made")
}
