//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// allocated returns how many bytes of disk a file takes.
func allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}
