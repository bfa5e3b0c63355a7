//go:build unix

package measure

import (
	"io/fs"
	"syscall"
)

func syncAll() { syscall.Sync() }

// DiskUsage returns the bytes that a file occupies. POSIX leaves the size of a block open;
// on every system in use it is 512.
func DiskUsage(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}
