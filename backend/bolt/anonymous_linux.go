package bolt

import (
	"os"

	"golang.org/x/sys/unix"
)

// anonymousFile returns an empty file in memory, which ends with its last descriptor.
func anonymousFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("leasehold", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "memfd:leasehold"), nil
}
