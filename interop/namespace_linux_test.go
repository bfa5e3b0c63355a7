package interop

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A namespace is a network namespace that exists as long as its file is open, so nothing is
// left of it however the test ends.
type namespace struct{ file *os.File }

// inNewNamespace moves the test, and the processes it starts, to a new network namespace.
// The test's goroutine never unlocks its thread, so the thread and the namespace end with
// the test.
func inNewNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("creating network namespaces needs root")
	}
	runtime.LockOSThread()
	err := unix.Unshare(unix.CLONE_NEWNET)
	if errors.Is(err, unix.EPERM) {
		t.Skip("creating network namespaces needs CAP_SYS_ADMIN")
	}
	require.NoError(t, err)
}

// newNamespace creates a namespace for a container.
func newNamespace(t *testing.T) namespace {
	t.Helper()
	var n namespace
	require.NoError(t, onThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		n.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	}))
	t.Cleanup(func() { n.close(t) })
	return n
}

// close ends the namespace, as a container runtime does. A second call does nothing.
func (n namespace) close(t *testing.T) {
	if err := n.file.Close(); !errors.Is(err, os.ErrClosed) {
		require.NoError(t, err)
	}
}

// path returns a path by which other processes can open the namespace.
func (n namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// addrs returns the addresses of an interface in the namespace, without link-local ones.
func (n namespace) addrs(t *testing.T, ifName string) []netip.Prefix {
	t.Helper()
	var addrs []netip.Prefix
	require.NoError(t, onThread(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("setns: %w", err)
		}
		i, err := net.InterfaceByName(ifName)
		if err != nil {
			return err
		}
		addrs, err = configured(i)
		return err
	}))
	return addrs
}

func configured(i *net.Interface) ([]netip.Prefix, error) {
	all, err := i.Addrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Prefix
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			return nil, err
		}
		if !p.Addr().IsLinkLocalUnicast() {
			addrs = append(addrs, p)
		}
	}
	return addrs, nil
}

// onThread runs fn on a thread of its own, which exits afterwards because fn changes its
// namespace.
func onThread(fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- fn()
	}()
	return <-done
}
