//go:build unix

package main

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// stdout returns a writer to standard output that survives a reader who has gone.
// Writing through os.Stdout would end the process with SIGPIPE, and an address
// that was leased meanwhile would be leaked.
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

// wasClosed reports whether the process was started without this file. Before main, the
// Go runtime has then opened /dev/null in its place, and it alone opens it to read as
// well (checkfds in runtime/fds_unix.go): an answer written there would seem delivered.
func (d fd) wasClosed() bool {
	flags, err := unix.FcntlInt(uintptr(d), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
		return false
	}
	var here, null unix.Stat_t
	err = unix.Fstat(int(d), &here)
	return err == nil && unix.Stat(os.DevNull, &null) == nil && here.Dev == null.Dev && here.Ino == null.Ino
}
