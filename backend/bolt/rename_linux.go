package bolt

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace gives the file at path another name that nothing has.
func renameNoReplace(path, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		// The file system cannot. The caller holds the lock under which
		// alone files come to stand at to, so nothing is replaced.
		return os.Rename(path, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: path, New: to, Err: err}
	}
	return nil
}
