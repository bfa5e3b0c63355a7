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

// mountsEnv is set in the environment of the process that [MainWithMounts] starts.
const mountsEnv = "LEASEHOLD_TEST_APART"

// MainWithMounts is [Main] for tests that mount file systems. As root, they run in a child
// process with its own mount namespace. When the child ends, for whatever reason, the
// kernel removes the mounts and their loop devices.
func MainWithMounts(m *testing.M) int {
	if os.Getuid() != 0 || os.Getenv(mountsEnv) != "" {
		return Main(m)
	}
	runtime.LockOSThread() // Pdeathsig is sent when the parent's thread ends.
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), mountsEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1) // -1 if a signal ended it
	}
	if errors.Is(err, unix.EPERM) {
		return Main(m) // Mounting is not allowed either: the tests skip.
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Mount mounts a file system, or skips the test if mounting is not allowed. The TestMain of
// the package must call [MainWithMounts]. The caller unmounts.
func Mount(t testing.TB, source, dir, kind, options string) {
	t.Helper()
	if os.Getenv(mountsEnv) == "" {
		t.Skip("mounting a file system needs root and a mount namespace")
	}
	err := unix.Mount(source, dir, kind, 0, options)
	if err == unix.EPERM {
		t.Skip("mounting a file system needs CAP_SYS_ADMIN, which root lacks here")
	}
	if err != nil {
		t.Fatalf("mount %s %s on %s, %s: %v", kind, source, dir, options, err)
	}
}

// An Image is a file that contains a file system.
type Image struct{ Path, Kind string }

// NewImage creates an image on a tmpfs with the given options of mkfs. It skips the test if
// mkfs or mount is not installed.
func NewImage(t testing.TB, kind string, size int64, options ...string) Image {
	t.Helper()
	System(t)
	dir := t.TempDir()
	Mount(t, "tmpfs", dir, "tmpfs", "")
	t.Cleanup(func() { unmount(t, dir) })
	return NewImageIn(t, dir, kind, size, options...)
}

// NewImageIn is NewImage in a directory of the test's own.
func NewImageIn(t testing.TB, dir, kind string, size int64, options ...string) Image {
	t.Helper()
	RequirePrograms(t, "mkfs."+kind, "mount")
	i := Image{filepath.Join(dir, filepath.Base(filepath.Dir(dir))+"."+kind), kind} // unique, to find its loop device by
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

// RequirePrograms skips the test if one of the programs is not installed.
func RequirePrograms(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs the program %s: %v", program, err)
		}
	}
}

// Mount mounts the image with the given options. The caller unmounts.
func (i Image) Mount(t testing.TB, dir string, options ...string) {
	t.Helper()
	all := strings.Join(append([]string{"loop"}, options...), ",")
	Run(t, "mount", "-t", i.Kind, "-o", all, i.Path, dir) // umount frees the loop device
}

// Run runs a program. The test fails if it fails.
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

// Overlay mounts an overlay whose upper layer is on a tmpfs. The kind is overlay or
// fuse-overlayfs; without the program for the latter, the test is skipped.
func Overlay(t testing.TB, kind, lower, dir string) (unmount func() error) {
	t.Helper()
	System(t)
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
		RequirePrograms(t, kind)
		Run(t, kind, "-o", options, dir)
	}
	return func() error {
		return errors.Join(unix.Unmount(dir, unix.MNT_DETACH), unix.Unmount(upper, unix.MNT_DETACH))
	}
}

// Bindfs mounts a directory at another path with bindfs, a FUSE file system that supports
// neither RENAME_EXCHANGE nor RENAME_NOREPLACE. Without bindfs or root the test is skipped.
func Bindfs(t testing.TB, from, dir string) {
	t.Helper()
	System(t)
	if os.Getuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	RequirePrograms(t, "bindfs")
	Run(t, "bindfs", from, dir)
	t.Cleanup(func() { unmount(t, dir) })
}

// Bind mounts a file or directory at another path. It reports false if mounting is not
// allowed.
func Bind(from, to string) (unmount func() error, ok bool) {
	if os.Getenv(mountsEnv) == "" || unix.Mount(from, to, "", unix.MS_BIND, "") != nil {
		return nil, false
	}
	return func() error { return unix.Unmount(to, unix.MNT_DETACH) }, true
}
