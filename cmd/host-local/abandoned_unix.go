//go:build unix

package main

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// abandoned reports whether standard output is a pipe or socket without a reader: the
// reader has ended or given up. It is false for a file, a terminal or /dev/null, and for a
// standard output that was closed on purpose.
func abandoned() bool {
	fds := []unix.PollFd{{Fd: int32(syscall.Stdout)}} // errors are always reported
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
