package netns_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/netns"
)

// start runs a program in new namespaces until the test ends.
func start(t *testing.T, namespaces uintptr) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a namespace needs root")
	}
	// The signal comes when the thread ends that has started the program.
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: unix.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { end(t, cmd) })
	return cmd
}

func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.ProcessState != nil {
		return
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // It always fails: the process was killed.
}

func of(cmd *exec.Cmd, name string) string {
	return fmt.Sprintf("/proc/%d/ns/%s", cmd.Process.Pid, name)
}

// pin mounts a namespace at a path, as runtimes do.
func pin(t *testing.T, namespace string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pinned")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, unix.Mount(namespace, path, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) }) // A test may have unmounted it.
	return path
}

func TestPinned(t *testing.T) {
	cmd := start(t, unix.CLONE_NEWNET|unix.CLONE_NEWUTS)
	path := pin(t, of(cmd, "net"))
	end(t, cmd)
	require.Equal(t, netns.Exists, netns.Look(path), "without a process")
	linked := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, linked))
	require.Equal(t, netns.Exists, netns.Look(linked), "as /var/run/netns points to /run/netns")
	require.NoError(t, unix.Unmount(path, 0))
	require.Equal(t, netns.Unknown, netns.Look(path), "a plain file remains")
	require.NoError(t, os.Remove(path))
	require.Equal(t, netns.Unknown, netns.Look(path))
}

func TestNamespaceOfAnotherKind(t *testing.T) {
	path := pin(t, of(start(t, unix.CLONE_NEWUTS), "uts"))
	require.Equal(t, netns.Unknown, netns.Look(path))
}

func TestProcess(t *testing.T) {
	cmd := start(t, unix.CLONE_NEWNET)
	require.Equal(t, netns.Exists, netns.Look(of(cmd, "net")))
	f, err := os.Open(of(cmd, "net"))
	require.NoError(t, err)
	defer f.Close()
	open := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
	require.Equal(t, netns.Exists, netns.Look(open), "buildah's")
	thread := fmt.Sprintf("/proc/%[1]d/task/%[1]d/ns/net", cmd.Process.Pid)
	require.Equal(t, netns.Exists, netns.Look(thread), "as the CNI project's package ns names the present one")

	end(t, cmd)
	require.Equal(t, netns.Unknown, netns.Look(thread))
	require.Equal(t, afterEnd(t), netns.Look(of(cmd, "net")))
	require.Equal(t, netns.Exists, netns.Look(open))
}

// A path through the root of a process can lead to a namespace of another one.
func TestPinnedBelowAProcess(t *testing.T) {
	container := start(t, unix.CLONE_NEWNET)
	path := pin(t, of(container, "net"))
	other := start(t, unix.CLONE_NEWUTS)
	through := fmt.Sprintf("/proc/%d/root%s", other.Process.Pid, path)
	require.Equal(t, netns.Exists, netns.Look(through))
	end(t, other)
	require.Equal(t, netns.Unknown, netns.Look(through), "it still exists")
}

// afterEnd is the state that Look can return for a process that has ended, depending on
// where this test runs.
func afterEnd(t *testing.T) netns.State {
	t.Helper()
	namespace, err := os.Readlink("/proc/self/ns/pid")
	require.NoError(t, err)
	if namespace == "pid:[4026531836]" {
		return netns.Gone
	}
	return netns.Unknown
}

// The PID of a container that has ended is usually reused by a process of the host.
func TestProcessOfTheHost(t *testing.T) {
	cmd := start(t, unix.CLONE_NEWUTS)
	require.Equal(t, netns.Unknown, netns.Look(of(cmd, "net")))
	require.Equal(t, netns.Unknown, netns.Look("/proc/1/ns/net"))
}

// A process that sees only some processes cannot tell that another has ended.
func TestProcessSeenFromAContainer(t *testing.T) {
	if os.Getenv("NETNS_LOOK") != "" {
		fmt.Print(netns.Look(os.Getenv("NETNS_LOOK")))
		os.Exit(0)
	}
	cmd := start(t, unix.CLONE_NEWNET)
	end(t, cmd)
	for _, mount := range []string{"", "mount -t proc proc /proc;"} {
		look := exec.Command("unshare", "--fork", "--pid", "--mount", "sh", "-c", mount+` exec "$0" -test.run "$1"`,
			os.Args[0], "^TestProcessSeenFromAContainer$")
		look.Env = append(os.Environ(), "NETNS_LOOK="+of(cmd, "net"))
		out, err := look.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, fmt.Sprint(netns.Unknown), string(out))
	}
}

// The addresses of a namespace are found through a process in it or through a mount.
func TestAddresses(t *testing.T) {
	cmd := start(t, unix.CLONE_NEWNET)
	path := pin(t, of(cmd, "net"))
	before, self := hostAddresses(t), link(t, "/proc/self/ns/net")
	for _, args := range [][]string{
		{"link", "set", "lo", "up"}, {"address", "add", "198.18.255.7/32", "dev", "lo"}, {"address", "add", "2001:db8::ffff:7/128", "dev", "lo"},
	} {
		out, err := exec.Command("nsenter", append([]string{"--net=" + path, "ip"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	for range 2 {
		found := netns.Addresses()
		require.Equal(t, path, found[netip.MustParseAddr("198.18.255.7")])
		require.Equal(t, path, found[netip.MustParseAddr("2001:db8::ffff:7")])
		require.Equal(t, before, hostAddresses(t), "this process stays in its namespace")
		require.Equal(t, self, link(t, "/proc/self/ns/net"), "so does its main thread")
		end(t, cmd)
	}
	require.NoError(t, unix.Unmount(path, 0))
	require.NotContains(t, netns.Addresses(), netip.MustParseAddr("198.18.255.7"))
	require.NoError(t, os.Remove(path))

	cmd = start(t, unix.CLONE_NEWNET)
	out, err := exec.Command("nsenter", "--net="+of(cmd, "net"), "ip", "address", "add", "198.18.255.8/32", "dev", "lo").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, of(cmd, "net"), netns.Addresses()[netip.MustParseAddr("198.18.255.8")])
}

func link(t *testing.T, path string) string {
	t.Helper()
	target, err := os.Readlink(path)
	require.NoError(t, err)
	return target
}

func hostAddresses(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	return fmt.Sprint(addrs)
}

// None of these paths is opened or waited for.
func TestOthers(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	done := make(chan bool)
	go func() {
		defer close(done)
		for _, path := range []string{"", ".", "/", dir, fifo, "/dev/null", "/proc", "/proc/self/ns/net", "/proc/thread-self/ns/net",
			"/proc/x/ns/net", "/proc//ns/net", "/proc/1/ns/mnt", "/proc/1/root", "relative", "/run/netns/\x00"} {
			require.Equal(t, netns.Unknown, netns.Look(path), "%q", path)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("Look blocks")
	}
}
