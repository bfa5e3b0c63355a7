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

// isNetns reports whether a path leads to a network namespace, and not to the file below
// the mount, which an unmounted namespace leaves behind.
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
	return err != nil || kind == unix.CLONE_NEWNET // Linux before 4.11 does not tell.
}

// process returns the number of the process by which a path names a namespace, or "".
// nerdctl, cri-dockerd and Apptainer name it /proc/PID/ns/net; buildah has it open, as
// /proc/PID/fd/N. Other paths below /proc, such as /proc/self/ns/net, mean something
// else to each process.
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

// lookAtProcess looks at a namespace that is named by a process. That can have ended and
// its number be another's, which is mostly one of the host: the namespace of the host is
// no container's. A number that went to another container is taken for the first one,
// until that ends too.
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

// isNetnsOfHost reports whether the namespace at a path is the first one, or the first
// process's, which is another one where a container serves as a host. The first
// one had this inode with Linux 6.18; no other namespace can have it, as the numbers that
// the kernel gives out begin with 0xF0000000 (PROC_DYNAMIC_FIRST in fs/proc/generic.c).
func isNetnsOfHost(path string) bool {
	const first = 0xEFFFFFF9
	var a, host unix.Stat_t
	if unix.Stat(path, &a) != nil {
		return false
	}
	return a.Ino == first || unix.Stat("/proc/1/ns/net", &host) == nil && a.Dev == host.Dev && a.Ino == host.Ino
}

// seesAllProcesses reports whether this process is in the first PID namespace, whose
// inode has a fixed number (PROC_PID_INIT_INO in include/linux/proc_ns.h), and /proc is
// that namespace's. Elsewhere a process that is not seen need not have ended.
func seesAllProcesses() bool {
	const first = "pid:[4026531836]"
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil || own != first {
		return false
	}
	number, err := os.Readlink("/proc/self") // by the namespace that /proc was mounted in
	return err == nil && number == strconv.Itoa(os.Getpid())
}
