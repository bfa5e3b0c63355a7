//go:build unix

package exchange

import "golang.org/x/sys/unix"

// noFollow keeps open(2) from following a symbolic link, and from creating a file at its
// target.
const noFollow = unix.O_NOFOLLOW
