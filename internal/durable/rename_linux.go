package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNew renames path. If the new name is taken it returns [fs.ErrExist]. On file systems
// without RENAME_NOREPLACE (renameat2(2)) it can replace what gets the name at the same moment,
// so the caller has to hold the lock under which that name is given.
func RenameNew(path, to string) error {
	err := renameNew(path, to)
	if errors.Is(err, errors.ErrUnsupported) {
		return checkedRename(path, to)
	}
	return err
}

// renameNew is RenameNew if the file system has RENAME_NOREPLACE, and otherwise returns
// [errors.ErrUnsupported].
func renameNew(path, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		err = errors.ErrUnsupported
	}
	return linkError("rename", path, to, err)
}

// Exchange exchanges two names in one step. If the file system cannot do that it returns
// [errors.ErrUnsupported].
func Exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		err = errors.ErrUnsupported
	}
	return linkError("exchange", a, b, err)
}

func linkError(op, a, b string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: a, New: b, Err: err}
}
