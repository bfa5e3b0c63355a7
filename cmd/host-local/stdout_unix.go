//go:build unix

package main

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// stdout returns a writer to standard output that survives the loss of its reader. Writing
// through os.Stdout would end the process with SIGPIPE, and leak the address it has leased.
func stdout() io.Writer { return fd(syscall.Stdout) }

type fd int

func (d fd) Write(b []byte) (int, error) {
	if d.wasClosed() {
		return 0, os.NewSyscallError("write", syscall.EBADF)
	}
	written := 0
	for written < len(b) {
		n, err := syscall.Write(int(d), b[written:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return written, os.NewSyscallError("write", err)
		}
		written += n
	}
	return written, nil
}

// wasClosed reports whether the process was started without this file. The Go runtime has
// then opened /dev/null in its place before main, and opens it for reading and writing, as
// nothing else does (checkfds in runtime/fds_unix.go): a result written there would seem
// delivered.
func (d fd) wasClosed() bool {
	flags, err := unix.FcntlInt(uintptr(d), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
		return false
	}
	var here, null unix.Stat_t
	err = unix.Fstat(int(d), &here)
	return err == nil && unix.Stat(os.DevNull, &null) == nil && here.Dev == null.Dev && here.Ino == null.Ino
}
