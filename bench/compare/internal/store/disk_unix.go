//go:build unix

package store

import (
	"io/fs"
	"syscall"
)

// occupied returns the bytes of the blocks of a file. POSIX leaves their size
// open; on every system in use it is 512.
func occupied(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}
