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

// process returns the PID in a path of a namespace, or "". nerdctl, cri-dockerd and
// Apptainer use /proc/PID/ns/net; buildah has it open, as /proc/PID/fd/N. Other paths below
// /proc, such as /proc/self/ns/net, differ for each process.
func process(path string) string {
	parts := strings.Split(path, "/") // "", "proc", PID, …
	if len(parts) != 5 || strings.Trim(parts[2], "0123456789") != "" {
		return ""
	}
	if parts[3] == "ns" && parts[4] == "net" || parts[3] == "fd" {
		return parts[2]
	}
	return ""
}

// lookAtProcess returns the state of a namespace that is named by a process. If the process
// has ended, its PID may be reused, usually by a process of the host: the namespace of the
// host belongs to no container. If it is reused by another container, the namespace counts
// as existing until that container ends too.
func lookAtProcess(path string) State {
	pid := process(path)
	switch {
	case pid == "":
		return Unknown
	case isNetns(path):
		if isNetnsOfHost(path) {
			return Unknown
		}
		return Exists
	case errors.Is(unix.Access("/proc/"+pid, unix.F_OK), unix.ENOENT) && seesAllProcesses():
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
