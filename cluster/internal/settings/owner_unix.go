//go:build unix

package settings

import (
	"io/fs"
	"syscall"
)

// owner returns the user that owns a file, if the system says so.
func owner(info fs.FileInfo) (uid int, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}
