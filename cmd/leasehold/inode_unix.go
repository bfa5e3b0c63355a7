//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// inode returns the inode number of a file, which files on one file system do not share.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}
