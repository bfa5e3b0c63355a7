//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"syscall"
)

// diskBytes returns the disk space of a file in bytes.
func diskBytes(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}

// ownership names the owner and the permissions of a file, for the advice after a permission error.
func ownership(path string, info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	owner := strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(owner); err == nil { // If not, use the number.
		owner = u.Username
	}
	return fmt.Sprintf("; %s belongs to %s (%v)", path, owner, info.Mode().Perm())
}
