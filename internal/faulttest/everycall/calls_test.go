package everycall

import (
	"os"
	"syscall"

	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// changes reports whether a call changes a file, or hands out the answer. To be killed
// between two such calls is to be killed at the second.
func changes(c *ptracer.Call) bool {
	switch c.Name {
	case "write", "pwrite64", "writev", "pwritev", "ftruncate", "truncate", "fallocate",
		"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
		"unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "copy_file_range", "sendfile",
		"fchmod":
		return true
	case "open", "openat":
		_, err := os.Lstat(c.Path)
		return c.Flags&syscall.O_TRUNC != 0 || c.Flags&syscall.O_CREAT != 0 && err != nil
	}
	return false
}

func anyCall(*ptracer.Call) bool { return true }

// at returns an Enter that takes an action at the nth call of those that match, and
// tells whether there was one.
func at(n int, match func(*ptracer.Call) bool, a ptracer.Action) (enter func(*ptracer.Call) ptracer.Action, met func() *ptracer.Call) {
	var call *ptracer.Call
	seen := 0
	enter = func(c *ptracer.Call) ptracer.Action {
		if !match(c) {
			return ptracer.Action{}
		}
		if seen++; seen != n {
			return ptracer.Action{}
		}
		call = c
		return a
	}
	return enter, func() *ptracer.Call { return call }
}
