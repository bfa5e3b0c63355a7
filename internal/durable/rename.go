package durable

import (
	"errors"
	"io/fs"
	"os"
)

// checkedRename is RenameNew where the system cannot refuse to replace by itself. A
// link, and then the removal of the old name, would refuse; but those are two steps,
// between which others see the file under two names, and of which a power cut can
// keep only the second.
func checkedRename(path, to string) error {
	_, err := os.Lstat(to)
	if err == nil {
		return &os.LinkError{Op: "rename", Old: path, New: to, Err: fs.ErrExist}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(path, to)
}
