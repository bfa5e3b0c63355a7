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

// wasClosed reports whether the process seems to have been started without this file. The Go runtime
// has then opened /dev/null in its place before main, for reading and writing (checkfds in
// runtime/fds_unix.go): a result written there would seem delivered. A shell opens /dev/null for writing
// only. Python's subprocess.DEVNULL cannot be told from a closed file, so an ADD whose answer is thrown
// away like that fails, and holds no address.
func (d fd) wasClosed() bool {
	flags, err := unix.FcntlInt(uintptr(d), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
		return false
	}
	var here, null unix.Stat_t
	err = unix.Fstat(int(d), &here)
	return err == nil && unix.Stat(os.DevNull, &null) == nil && here.Dev == null.Dev && here.Ino == null.Ino
}
