package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNew gives what stands at path another name. If something has that name it
// returns fs.ErrExist. On file systems without RENAME_NOREPLACE (renameat2(2)), what
// gets the name in the same moment can be replaced; the caller holds the lock under
// which alone that happens.
func RenameNew(path, to string) error {
	err := renameNew(path, to)
	if errors.Is(err, errors.ErrUnsupported) {
		return checkedRename(path, to)
	}
	return err
}

// renameNew is RenameNew where the file system can refuse to replace. Elsewhere it returns
// [errors.ErrUnsupported].
func renameNew(path, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		err = errors.ErrUnsupported
	}
	return linkError("rename", path, to, err)
}

// Exchange exchanges two names, in one step. Where the file system cannot do that
// it returns [errors.ErrUnsupported].
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
