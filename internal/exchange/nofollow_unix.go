//go:build unix

package exchange

import "golang.org/x/sys/unix"

// noFollow has a file not be opened, and above all not made, at the end of a symbolic
// link.
const noFollow = unix.O_NOFOLLOW
