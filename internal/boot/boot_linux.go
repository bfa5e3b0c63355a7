package boot

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// current reads the random boot ID of the kernel; see random(4).
func current() allocator.Boot {
	b := allocator.Boot{ID: readID()}
	var up unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) == nil {
		b.Started = time.Now().Add(-time.Duration(up.Nano()))
	}
	return b
}

// readID makes system calls directly, because os.Open would start the poller of the Go
// runtime, at a cost to every ADD. A text that no lease can record is not an ID: a container can
// have any file in that place.
func readID() string {
	fd, err := unix.Open("/proc/sys/kernel/random/boot_id", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd) // It was only read.
	var text [64]byte
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return ""
	}
	id := strings.TrimSpace(string(text[:n]))
	if backend.ValidateName(id) != nil {
		return ""
	}
	return id
}
