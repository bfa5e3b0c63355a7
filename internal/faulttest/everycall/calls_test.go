package everycall

import (
	"os"
	"syscall"

	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// changesFiles reports whether a call changes a file or writes the answer. A kill between
// two such calls has the same effect as a kill at the second.
func changesFiles(c *ptracer.Call) bool {
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

// atNth returns an Enter hook that takes an action at the nth matching call, and a function
// that returns this call, or nil if it was not reached.
func atNth(n int, match func(*ptracer.Call) bool, a ptracer.Action) (enter func(*ptracer.Call) ptracer.Action, matched func() *ptracer.Call) {
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
