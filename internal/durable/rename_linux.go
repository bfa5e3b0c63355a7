package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNew gives what stands at path another name. If something has that name it
// returns fs.ErrExist; only on file systems that have neither renameat2(2) with
// RENAME_NOREPLACE nor links, a file can be replaced.
func RenameNew(path, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return renameCarefully(path, to)
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
