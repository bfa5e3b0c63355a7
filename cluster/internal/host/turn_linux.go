package host

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/flock"
)

// uptime returns the nanoseconds since the machine was booted.
func uptime() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0 // Linux has that clock.
	}
	return t.Nano()
}

// waiters returns how many processes wait for the lock of f, as far as the kernel shows that
// (proc_locks(5)); 0 if it does not. It only decides how much is asked for. To show the locks, the kernel
// first waits until no processor changes one, for milliseconds, so it is asked only if there is a waiter.
func waiters(f *os.File) (n int) {
	if !flock.Awaited(f) {
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	file := fmt.Sprintf(" %02x:%02x:%d ", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " -> FLOCK ") && strings.Contains(line, file) {
			n++
		}
	}
	return n
}
