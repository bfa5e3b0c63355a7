package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

// A gcNode is a data directory with one network, for tests of which leases gc spares.
type gcNode struct {
	*testing.T
	dir, kind string
}

// newGCNode returns a node with a lease of the container "listed".
func newGCNode(t *testing.T, kind string) gcNode {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("creating a network namespace takes root")
	}
	n := gcNode{t, t.TempDir(), kind}
	n.add("listed", "/run/netns/none")
	return n
}

func (n gcNode) call(command, id, netns, more string) {
	n.Helper()
	cmd := exec.Command("host-local")
	cmd.Env = append(os.Environ(), "CNI_COMMAND="+command, "CNI_CONTAINERID="+id, "CNI_NETNS="+netns, "CNI_IFNAME=eth0", "CNI_PATH=/p")
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "podnet", %s "ipam": {"type": "host-local",
		"subnet": "198.18.128.0/20", "dataDir": %q, "backend": %q}}`, more, n.dir, n.kind))
	out, err := cmd.CombinedOutput()
	require.NoError(n, err, "%s", out)
}

func (n gcNode) add(id, netns string) { n.Helper(); n.call("ADD", id, netns, "") }

// gc runs gc with a list that has the container "listed". It returns the containers whose
// leases were released, and the reasons for which others were spared.
func (n gcNode) gc(flags ...string) (released []string, spared map[string]string) {
	n.Helper()
	return n.gcWith("listed\n", flags...)
}

func (n gcNode) gcWith(list string, flags ...string) (released []string, spared map[string]string) {
	n.Helper()
	args := append([]string{"gc", "podnet", "--conf-dir", n.dir + "/none", "--data-dir", n.dir,
		"--valid", "-", "--release-starting", "--output", "json"}, flags...)
	cmd := exec.Command("leasehold", args...)
	cmd.Stdin = strings.NewReader(list)
	out, err := cmd.Output()
	require.NoError(n, err)
	var row gcRow
	require.NoError(n, json.Unmarshal(out, &row))
	for _, r := range row.Released {
		released = append(released, r.ContainerID)
	}
	spared = make(map[string]string)
	for _, r := range row.Spared {
		spared[r.ContainerID] = r.Reason
	}
	return released, spared
}

// container starts a process in its own network namespace, and returns a function that ends it.
func (n gcNode) container() (pid int, end func()) {
	n.Helper()
	// The signal comes when the thread ends that has started the program.
	runtime.LockOSThread()
	n.Cleanup(runtime.UnlockOSThread)
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	require.NoError(n, cmd.Start())
	end = func() {
		_ = cmd.Process.Kill() // It fails if the process has ended, on the second call.
		_ = cmd.Wait()
	}
	n.Cleanup(end)
	return cmd.Process.Pid, end
}

// pin bind-mounts the network namespace of a process, as containerd, CRI-O and podman do.
func (n gcNode) pin(pid int) (path string, unpin func()) {
	n.Helper()
	path = filepath.Join(n.TempDir(), "cni-0a1b")
	require.NoError(n, os.WriteFile(path, nil, 0o600))
	require.NoError(n, unix.Mount(fmt.Sprintf("/proc/%d/ns/net", pid), path, "", unix.MS_BIND, ""))
	unpin = func() { _ = unix.Unmount(path, unix.MNT_DETACH) } // It fails if it is unmounted, on the second call.
	n.Cleanup(unpin)
	return path, unpin
}

// A lease is spared if its namespace is mounted. Without the mount, the file alone does not
// count as a namespace.
func TestGCSparesNamespaces(t *testing.T) {
	n := newGCNode(t, config.Bolt)
	pid, end := n.container()
	path, unpin := n.pin(pid)
	end() // While an ADD runs, the sandbox has no process yet.
	n.add("starting", path)
	n.add("gone", "/run/netns/none")
	released, spared := n.gc("--dry-run")
	require.Equal(t, []string{"gone"}, released)
	require.Equal(t, map[string]string{"starting": "in-use"}, spared)
	n.gc()
	_, spared = n.gc()
	require.Equal(t, map[string]string{"starting": "in-use"}, spared)
	released, _ = n.gc("--dry-run", "--release-in-use")
	require.Equal(t, []string{"starting"}, released)

	unpin()
	require.FileExists(t, path)
	released, spared = n.gc()
	require.Equal(t, []string{"starting"}, released)
	require.Empty(t, spared)
}

// A namespace given by a path in /proc is gone once its process has ended.
func TestGCSparesNamespacesOfProcesses(t *testing.T) {
	for _, id := range []string{"default-0a1b", "buildah-buildah1459229342"} {
		n := newGCNode(t, config.Bolt)
		pid, end := n.container()
		n.add(id, fmt.Sprintf("/proc/%d/ns/net", pid))
		_, spared := n.gc()
		require.Equal(t, map[string]string{id: "in-use"}, spared)
		end()
		n.requireReleased(id)
	}
}

// Apptainer uses the PID as the container ID, so the namespace is known from a lease file too.
func TestGCKnowsApptainer(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		n := newGCNode(t, kind)
		pid, end := n.container()
		id := fmt.Sprint(pid)
		n.add(id, "")
		_, spared := n.gc()
		require.Equal(t, map[string]string{id: "in-use"}, spared)
		end()
		n.requireReleased(id)
	}
}

// requireReleased checks that gc releases the lease of a process that has ended. In a PID
// namespace of its own, the test process cannot see that a process has ended, so gc spares
// containers that no runtime lists.
func (n gcNode) requireReleased(id string) {
	n.Helper()
	namespace, err := os.Readlink("/proc/self/ns/pid")
	require.NoError(n, err)
	released, spared := n.gc()
	if namespace == "pid:[4026531836]" || strings.HasPrefix(id, "default-") {
		require.Equal(n, []string{id}, released)
		return
	}
	require.Equal(n, map[string]string{id: "never-listed"}, spared)
}

// Lease files record no namespace, so an existing namespace does not protect them. Builds are
// recognized by their IDs.
func TestGCOfLeaseFiles(t *testing.T) {
	n := newGCNode(t, config.Files)
	pid, _ := n.container()
	path, _ := n.pin(pid)
	n.add("buildah-buildah1459229342", path)
	n.add("gone", path)
	released, spared := n.gc()
	require.Equal(t, []string{"gone"}, released)
	require.Equal(t, map[string]string{"buildah-buildah1459229342": "never-listed"}, spared)
	released, _ = n.gc("--release-never-listed")
	require.Equal(t, []string{"buildah-buildah1459229342"}, released)
}

// If the clock was wrong when the machine started, leases of running containers can be dated
// before the boot. The wrong list, such as one of containers instead of pods, does not protect
// them, but their configured addresses do.
func TestGCWithWrongListSparesConfiguredAddresses(t *testing.T) {
	n := newGCNode(t, config.Files)
	pid, end := n.container()
	out, err := exec.Command("nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", pid), "ip", "address", "add", "198.18.128.2/20", "dev", "lo").CombinedOutput()
	require.NoError(t, err, "%s", out)
	n.add("dead", "/run/netns/none")
	for _, addr := range []string{"198.18.128.2", "198.18.128.3"} {
		long := time.Now().AddDate(-20, 0, 0)
		require.NoError(t, os.Chtimes(filepath.Join(n.dir, "podnet", addr), long, long))
	}
	released, spared := n.gcWith("a-container-of-the-pod\n")
	require.Equal(t, []string{"dead"}, released)
	require.Equal(t, map[string]string{"listed": "in-use"}, spared)
	end()
	released, _ = n.gcWith("a-container-of-the-pod\n")
	require.Equal(t, []string{"listed"}, released)
}

// A runtime that sends a GC knows its containers and runs no ADD at the same time (CNI SPEC,
// section 3), so the plugin's GC releases every unlisted lease.
func TestGCOfCNISparesNothing(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		n := newGCNode(t, kind)
		pid, _ := n.container()
		path, _ := n.pin(pid)
		n.add("buildah-buildah1459229342", path)
		n.call("GC", "", "", `"cni.dev/valid-attachments": [{"containerID": "listed", "ifname": "eth0"}],`)
		released, spared := n.gc()
		require.Empty(t, released)
		require.Empty(t, spared)
		require.Equal(t, []string{"listed"}, n.holders())
	}
}

func (n gcNode) holders() (ids []string) {
	n.Helper()
	require.NoError(n, stores.Follow(filepath.Join(n.dir, "podnet")).View(n.Context(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(n, err)
			ids = append(ids, l.Owner.ContainerID)
		}
		return nil
	}))
	return ids
}
