package netns

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func look(path string) State {
	if path = filepath.Clean(path); strings.HasPrefix(path, "/proc/") {
		return lookAtProcess(path)
	}
	if isNetns(path) {
		return Exists
	}
	return Unknown
}

// isNetns reports whether a path is a network namespace, and not the file that is left
// behind when a namespace is unmounted.
func isNetns(path string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil || fs.Type != unix.NSFS_MAGIC {
		return false
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd) // It was not written.
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	return err != nil || kind == unix.CLONE_NEWNET // Linux before 4.11 lacks the ioctl.
}

// process returns the PID in a path below /proc and the path below its directory; or "" for
// paths that differ for each process, such as /proc/self/ns/net.
func process(path string) (pid, below string) {
	pid, below, _ = strings.Cut(strings.TrimPrefix(path, "/proc/"), "/")
	if strings.Trim(pid, "0123456789") != "" {
		return "", ""
	}
	return pid, below
}

// isOfProcess reports whether a namespace with this path below /proc/PID is known to be one
// of the process. nerdctl, cri-dockerd and Apptainer use ns/net; buildah has it open, as fd/N.
// Of the other paths, root/run/netns/x can be the namespace of a container that outlives the
// process.
func isOfProcess(below string) bool { return below == "ns/net" || strings.HasPrefix(below, "fd/") }

// lookAtProcess returns the state of a namespace that is named by a process. If the process
// has ended, its PID may be reused, usually by a process of the host: the namespace of the
// host belongs to no container. If it is reused by another container, the namespace counts
// as existing until that container ends too.
func lookAtProcess(path string) State {
	pid, below := process(path)
	switch {
	case pid == "":
		return Unknown
	case isNetns(path):
		if isNetnsOfHost(path) {
			return Unknown
		}
		return Exists
	case isOfProcess(below) && errors.Is(unix.Access("/proc/"+pid, unix.F_OK), unix.ENOENT) && seesAllProcesses():
		return Gone
	}
	return Unknown
}

// isNetnsOfHost reports whether the namespace at a path is the initial one, or the one of PID
// 1, which differs where a container acts as a host. The initial one has this inode in
// Linux 6.18; no other namespace can have it, because the kernel's dynamic inode numbers
// begin at 0xF0000000 (PROC_DYNAMIC_FIRST in fs/proc/generic.c).
func isNetnsOfHost(path string) bool {
	const first = 0xEFFFFFF9
	var a, host unix.Stat_t
	if unix.Stat(path, &a) != nil {
		return false
	}
	return a.Ino == first || unix.Stat("/proc/1/ns/net", &host) == nil && a.Dev == host.Dev && a.Ino == host.Ino
}

// seesAllProcesses reports whether this process is in the initial PID namespace, whose
// inode is fixed (PROC_PID_INIT_INO in include/linux/proc_ns.h), and /proc belongs to that
// namespace. Otherwise a process that is not visible may still run.
func seesAllProcesses() bool {
	const first = "pid:[4026531836]"
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil || own != first {
		return false
	}
	number, err := os.Readlink("/proc/self") // a PID in the namespace that /proc belongs to
	return err == nil && number == strconv.Itoa(os.Getpid())
}
