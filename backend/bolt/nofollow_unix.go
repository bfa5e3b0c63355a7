//go:build unix

package bolt

import "golang.org/x/sys/unix"

// noFollow makes opening a symbolic link fail, and opening a FIFO not wait.
const noFollow = unix.O_NOFOLLOW | unix.O_NONBLOCK
