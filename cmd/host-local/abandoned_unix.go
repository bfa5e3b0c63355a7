//go:build unix

package main

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// abandoned reports whether standard output is a pipe, or a socket, that no process reads
// any more: its reader has ended or has given up. A file, a terminal or /dev/null does not
// tell, and a standard output that was closed was meant to be.
func abandoned() bool {
	fds := []unix.PollFd{{Fd: int32(syscall.Stdout)}} // errors are reported without being asked for
	for {
		_, err := unix.Poll(fds, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		// A peer that has only stopped writing, POLLRDHUP, may still read.
		if err != nil || fds[0].Revents&(unix.POLLERR|unix.POLLHUP) == 0 {
			return false
		}
		break
	}
	var st unix.Stat_t
	if unix.Fstat(syscall.Stdout, &st) != nil {
		return false
	}
	kind := uint32(st.Mode) & unix.S_IFMT
	return kind == unix.S_IFIFO || kind == unix.S_IFSOCK
}
