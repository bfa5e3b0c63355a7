package boot

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// current reads the ID that the kernel makes at random when it starts; see
// random(4).
func current() Boot {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Boot{}
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return Boot{}
	}
	return Boot{
		ID:      strings.TrimSpace(string(id)),
		Started: time.Now().Add(-time.Duration(up.Nano())),
	}
}
