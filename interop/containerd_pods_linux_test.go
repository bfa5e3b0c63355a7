package interop

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	wide   = `"ranges": [[{"subnet": "10.7.0.0/24"}]]`
	narrow = `"ranges": [[{"subnet": "10.7.0.0/24", "rangeEnd": "10.7.0.3"}]]`
)

// Pods get addresses, keep them when containerd is killed, and release them with the first
// of two DELs.
func TestContainerd(t *testing.T) {
	onContainerd(t, wide, func(t *testing.T, c containerd) {
		a, b := c.pod(t, "web-0"), c.pod(t, "web-1")
		c.holds(t, a, b)
		require.Equal(t, []string{"ADD works", "ADD works"}, c.plugin.since(t, 0))
		add := c.plugin.calls(t)[0]
		require.Equal(t, a, add.id)
		require.Contains(t, add.args, "K8S_POD_NAMESPACE=default")
		require.Contains(t, add.args, "K8S_POD_NAME=web-0")
		require.Contains(t, add.args, "K8S_POD_INFRA_CONTAINER_ID="+a)
		require.Contains(t, add.args, "K8S_POD_UID=uid-of-web-0")

		c.kill(t)
		c.start(t)
		c.holds(t, a, b)
		require.Equal(t, 2, len(c.plugin.calls(t)), "containerd sends no command when it ends or starts")

		must(t, c.crictl("stopp", a))
		c.holds(t, b)
		must(t, c.crictl("rmp", a))
		require.Equal(t, []string{"DEL works", "DEL works"}, c.plugin.since(t, 2))
		dels := c.plugin.calls(t)[2:]
		require.Equal(t, add.netns, dels[0].netns)
		require.Empty(t, dels[1].netns, "the namespace no longer exists")

		must(t, c.crictl("rmp", "--force", b))
		require.Empty(t, c.held(t, "net"))
		require.NotContains(t, commands(c.plugin.calls(t)), "STATUS", "nothing has requested it")
		must(t, c.crictl("info"))
		require.Contains(t, commands(c.plugin.calls(t)), "STATUS")
	})
}

// A containerd that was killed during an ADD lists the pod afterwards, and sends DEL only
// when the pod is removed.
func TestContainerdKilled(t *testing.T) {
	onContainerd(t, wide, func(t *testing.T, c containerd) {
		wait := c.plugin.block(t, "ADD")
		run := c.run(t, "web-0")
		require.NoError(t, run.Start())
		wait()
		c.kill(t)
		require.Error(t, run.Wait())
		c.plugin.reset(t)
		require.Eventually(t, func() bool { return len(c.plugin.calls(t)) == 1 }, time.Minute, 50*time.Millisecond)
		c.start(t)
		id := c.plugin.calls(t)[0].id
		require.Equal(t, id, must(t, c.crictl("pods", "--quiet", "--no-trunc", "--state", "notready")))
		require.Equal(t, []string{"ADD works"}, c.plugin.since(t, 0))
		must(t, c.crictl("rmp", "--force", id))
		require.Equal(t, []string{"ADD works", "DEL works"}, c.plugin.since(t, 0))
		require.Empty(t, c.held(t, "net"))
	})
}

// A pod for which no address is left leaves only an error. If its ADD failed after the
// address was leased and the DEL fails too, containerd forgets the pod, and only a garbage
// collection releases the lease.
func TestContainerdFull(t *testing.T) {
	onContainerd(t, narrow, func(t *testing.T, c containerd) {
		a, b := c.pod(t, "web-0"), c.pod(t, "web-1")
		out, err := c.run(t, "web-2").CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "no IP addresses available in range set: 10.7.0.1-10.7.0.3")
		require.Equal(t, []string{"ADD works", "ADD works", "ADD fails", "DEL works"}, c.plugin.since(t, 0))
		must(t, c.crictl("stopp", a))
		must(t, c.crictl("rmp", a))
		c.holds(t, b)

		before := len(c.plugin.calls(t))
		c.plugin.failAfter(t, "ADD")
		c.plugin.fail(t, "DEL")
		require.Error(t, c.run(t, "web-2").Run())
		c.plugin.reset(t)
		require.Equal(t, []string{"ADD fails", "DEL fails"}, c.plugin.since(t, before))
		require.Equal(t, b, must(t, c.crictl("pods", "--quiet", "--no-trunc")))
		require.Len(t, c.held(t, "net"), 2)
		c.collect(t, "net")
		c.holds(t, b, c.pod(t, "web-2"))
	})
}

// While the configuration is invalid JSON, pods can neither start nor stop, and no plugin
// is called. A network with a new name gets the DELs of pods whose addresses are leased
// under the old name.
func TestContainerdConfiguration(t *testing.T) {
	onContainerd(t, wide, func(t *testing.T, c containerd) {
		a, b := c.pod(t, "web-0"), c.pod(t, "web-1")
		c.configure(t, "{")
		c.ready(t, "false")
		require.Error(t, c.run(t, "web-2").Run())
		require.Error(t, c.crictl("stopp", a).Run())
		require.Equal(t, []string{"ADD", "ADD"}, attached(c.plugin.calls(t)))
		c.configure(t, c.conflist("net"))
		c.ready(t, "true")
		must(t, c.crictl("stopp", a))
		c.holds(t, b)

		stays := c.pod(t, "web-2")
		c.configure(t, c.conflist("new-name"))
		require.Eventually(t, func() bool { return strings.Contains(must(t, c.crictl("info")), `"new-name"`) }, time.Minute, 100*time.Millisecond)
		must(t, c.crictl("rmp", "--force", b))
		for _, call := range c.plugin.calls(t) {
			require.False(t, call.command == "DEL" && call.id == b && call.network == "net")
		}
		require.Len(t, c.held(t, "net"), 2)
		c.configure(t, c.conflist("net"))
		c.collect(t, "net")
		c.holds(t, stays)
	})
}

// attached returns the commands of the calls for a container.
func attached(calls []recordedCall) []string {
	return commands(slices.DeleteFunc(calls, func(c recordedCall) bool { return c.id == "" }))
}

// ready waits until containerd reports whether the network is ready.
func (c containerd) ready(t *testing.T, want string) {
	t.Helper()
	status := `{{range .status.conditions}}{{if eq .type "NetworkReady"}}{{.status}}{{end}}{{end}}`
	require.Eventually(t, func() bool {
		return must(t, c.crictl("info", "--output", "go-template", "--template", status)) == want
	}, time.Minute, 100*time.Millisecond)
}

// A network is migrated back and forth while pods start and stop.
func TestContainerdMigrate(t *testing.T) {
	c := newContainerd(t, wide)
	ids, errs := []string{"web-0", "web-1", "web-2"}, make([]error, 3)
	stays := c.pod(t, "stays")
	var all sync.WaitGroup
	for i, name := range ids {
		run := c.podFile(t, name)
		all.Go(func() { ids[i], errs[i] = c.runPods(run, 3) })
	}
	for _, backend := range []string{"bolt", "files", "bolt"} {
		must(t, c.leasehold("migrate", "net", "--to", backend))
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	c.holds(t, append(ids, stays)...)
	must(t, c.leasehold("verify", "net"))
}

// runPods starts a pod several times, removes it except the last time, and returns its ID.
func (c containerd) runPods(file string, times int) (string, error) {
	for {
		out, err := c.crictl("runp", file).Output()
		id := strings.TrimSpace(string(out))
		times--
		if err != nil || times == 0 {
			return id, err
		}
		if err := c.crictl("rmp", "--force", id).Run(); err != nil {
			return "", err
		}
	}
}
