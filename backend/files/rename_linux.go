package files

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameNoReplace gives a file a name that nothing has.
func (d *dir) renameNoReplace(from, to string) error {
	err := unix.Renameat2(d.fd(), from, d.fd(), to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // NFS, FUSE
		return d.checkedRename(from, to)
	}
	return err
}
