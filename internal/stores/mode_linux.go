package stores

import (
	"os"

	"golang.org/x/sys/unix"
)

// mayChangeMode reports whether this process may change the mode of a file of that user: of its own, or of any
// with the capability CAP_FOWNER.
func mayChangeMode(owner uint32) bool {
	if int64(owner) == int64(os.Geteuid()) {
		return true
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := unix.Capget(&header, &sets[0])
	return err != nil || sets[0].Effective&(1<<unix.CAP_FOWNER) != 0 // If it is not known, ADD will tell.
}
