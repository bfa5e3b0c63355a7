//go:build unix

package main

import (
	"io"
	"os"
	"syscall"
)

// stdout returns a writer to standard output that survives a reader who has gone.
// Writing through os.Stdout would end the process with SIGPIPE, and an address
// that was leased meanwhile would be leaked. One that was closed before the process
// started is no error: DESIGN.md, "An answer can be thrown away".
func stdout() io.Writer { return fd(syscall.Stdout) }

type fd int

func (d fd) Write(b []byte) (int, error) {
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
