package netns

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

func addresses() map[netip.Addr]string {
	found := make(map[netip.Addr]string)
	seen := make(map[uint64]bool) // inodes; all namespaces are in one nsfs
	for _, path := range append(pinned(), ofProcesses()...) {
		var stat unix.Stat_t
		if unix.Stat(path, &stat) != nil || seen[stat.Ino] {
			continue
		}
		seen[stat.Ino] = true
		for _, addr := range addressesIn(path) {
			found[addr] = path
		}
	}
	return found
}

// pinned returns the paths at which network namespaces are mounted. A pod's namespace is
// mounted even before it has a process.
func pinned() (paths []string) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer mounts.Close() // It was only read.
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		// 423 29 0:4 net:[4026532281] /run/netns/x rw shared:244 - nsfs nsfs rw
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && strings.HasPrefix(fields[3], "net:[") {
			paths = append(paths, unescape(fields[4]))
		}
	}
	return paths
}

// unescape undoes the kernel's escaping of white space and backslashes in mount paths.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

func ofProcesses() []string {
	paths, _ := filepath.Glob("/proc/[0-9]*/ns/net") // The pattern is valid.
	return paths
}

// addressesIn returns the addresses of the interfaces in a namespace, down or up; nil if
// this process may not enter it.
func addressesIn(path string) []netip.Addr {
	done := make(chan []netip.Addr)
	go func() {
		// The thread stays in the namespace and ends with the goroutine.
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The main thread never ends, and all see its namespace as the one of the process.
			// While it waits here, another thread takes its turn.
			defer runtime.UnlockOSThread()
			done <- addressesIn(path)
			return
		}
		done <- enter(path)
	}()
	return <-done
}

func enter(path string) (addrs []netip.Addr) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd) // Nothing was written.
	if unix.Setns(fd, unix.CLONE_NEWNET) != nil {
		return nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs
}
