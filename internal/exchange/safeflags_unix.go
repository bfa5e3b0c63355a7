//go:build unix

package exchange

import "golang.org/x/sys/unix"

// safeFlags keep open(2) from following a symbolic link, from creating a file at its target, and from
// waiting for the other end of a FIFO.
const safeFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK
