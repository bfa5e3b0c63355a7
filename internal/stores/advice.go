package stores

import (
	"errors"
	"syscall"

	"github.com/leasehold/leasehold/backend"
)

// DiskAdvice returns what to do next after an error of the file system of a store, or an empty
// string for any other error. verify is the command that verifies the store.
func DiskAdvice(err error, verify string) string {
	switch {
	case errors.Is(err, backend.ErrNoSpace):
		return "free space, or inodes, on the file system of the data directory"
	case errors.Is(err, syscall.EFBIG):
		return "raise the file size limit of this process (ulimit -f; LimitFSIZE in the unit of the runtime)"
	case errors.Is(err, backend.ErrNames):
		return `put the data directory ("dataDir" in ipam) on another file system, or set "backend": "bolt", which has one file and no such names`
	case errors.Is(err, syscall.EMFILE):
		return "raise the limit on open files of this process (ulimit -n; LimitNOFILE in the unit of the runtime)"
	case errors.Is(err, syscall.ENFILE):
		return "the whole system has too many files open: raise fs.file-max (sysctl), or stop what has opened them"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "choose a shorter name for the network: it becomes a file name, which can have 255 bytes"
	case errors.Is(err, syscall.EIO):
		return "the kernel log says why the disk failed; to see what can be read of the store, run: " + verify
	case errors.Is(err, syscall.EROFS):
		return "mount the file system for writing; if it became read-only by itself, the kernel log says why"
	case errors.Is(err, syscall.ESTALE):
		return "the file server has lost the file or its directory: try again, and if that fails too, mount the file system again"
	}
	return ""
}
