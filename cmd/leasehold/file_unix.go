//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"syscall"
)

// allocated returns how many bytes of disk a file takes.
func allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}

// belongs says to whom a file belongs, and who may do what with it.
func belongs(path string, info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	owner := strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(owner); err == nil { // Else the number has to do.
		owner = u.Username
	}
	return fmt.Sprintf("; %s belongs to %s (%v)", path, owner, info.Mode().Perm())
}
