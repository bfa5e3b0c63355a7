package faulttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// apart is set in the environment of the process that [MainApart] starts.
const apart = "LEASEHOLD_TEST_APART"

// MainApart is [Main] for tests that mount file systems. They run in a process of their
// own, which has its own mounts: when it ends, however it does, these end too, and with
// them the loop devices that are below them.
func MainApart(m *testing.M) int {
	if os.Getuid() != 0 || os.Getenv(apart) != "" {
		return Main(m)
	}
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends.
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), apart+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1) // -1: by a signal
	}
	if errors.Is(err, unix.EPERM) {
		return Main(m) // Nor can it mount, and its tests skip.
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Mount mounts a file system, or skips the test where that is not allowed. It is for
// packages whose TestMain calls [MainApart]. The caller unmounts it.
func Mount(t testing.TB, source, dir, kind, options string) {
	t.Helper()
	if os.Getenv(apart) == "" {
		t.Skip("mounting a file system takes root, and the right to have mounts of one's own")
	}
	err := unix.Mount(source, dir, kind, 0, options)
	if err == unix.EPERM {
		t.Skip("mounting a file system takes a capability that root lacks here")
	}
	if err != nil {
		t.Fatalf("mount %s %s on %s, %s: %v", kind, source, dir, options, err)
	}
}

// An Image is a file in which there is a file system.
type Image struct{ Path, Kind string }

// NewImage makes one with these options of mkfs, or skips the test where there are not the
// programs to do that. It is in memory.
func NewImage(t testing.TB, kind string, size int64, options ...string) Image {
	t.Helper()
	Needs(t, "mkfs."+kind, "mount")
	dir := t.TempDir()
	Mount(t, "tmpfs", dir, "tmpfs", "")
	t.Cleanup(func() { unmount(t, dir) })
	i := Image{filepath.Join(dir, filepath.Base(filepath.Dir(dir))+"."+kind), kind} // a name like no other
	err := os.WriteFile(i.Path, nil, 0o600)
	if err == nil {
		err = os.Truncate(i.Path, size)
	}
	if err != nil {
		t.Fatal(err)
	}
	Run(t, "mkfs."+kind, append(options, "-q", i.Path)...)
	return i
}

// Needs skips the test where one of the programs is missing.
func Needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
}

// Mount mounts the file system with these options. The caller unmounts it.
func (i Image) Mount(t testing.TB, dir string, options ...string) {
	t.Helper()
	all := strings.Join(append([]string{"loop"}, options...), ",")
	Run(t, "mount", "-t", i.Kind, "-o", all, i.Path, dir) // the kernel frees the device
}

// Run runs a program, which must succeed.
func Run(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", program, args, err, out)
	}
}

func unmount(t testing.TB, dir string) {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Errorf("unmount %s: %v", dir, err)
	}
}

// Overlay mounts an overlay with a lower layer, and an upper one in memory, until
// the function that it returns is called. The kind is overlay, or fuse-overlayfs, where
// the test is skipped without the program.
func Overlay(t testing.TB, kind, lower, dir string) (unmount func() error) {
	t.Helper()
	upper := dir + "-upper"
	for _, path := range []string{dir, upper} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	Mount(t, "tmpfs", upper, "tmpfs", "")
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/up,workdir=%s/work", lower, upper, upper)
	for _, name := range []string{"up", "work"} {
		if err := os.Mkdir(filepath.Join(upper, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if kind == "overlay" {
		Mount(t, "overlay", dir, "overlay", options)
	} else {
		Needs(t, kind)
		Run(t, kind, "-o", options, dir)
	}
	return func() error {
		return errors.Join(unix.Unmount(dir, unix.MNT_DETACH), unix.Unmount(upper, unix.MNT_DETACH))
	}
}

// Bindfs shows a directory at another path over FUSE, by a program that can neither
// exchange two names nor refuse to replace one. Without it, or root, the test is skipped.
func Bindfs(t testing.TB, from, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	Needs(t, "bindfs")
	Run(t, "bindfs", from, dir)
	t.Cleanup(func() { unmount(t, dir) })
}

// Bind mounts a file or directory at another path, where that is allowed.
func Bind(from, to string) (unmount func() error, ok bool) {
	if os.Getenv(apart) == "" || unix.Mount(from, to, "", unix.MS_BIND, "") != nil {
		return nil, false
	}
	return func() error { return unix.Unmount(to, unix.MNT_DETACH) }, true
}
