package durable

import (
	"errors"
	"io/fs"
	"os"
)

// checkedRename is RenameNew for a system without a rename that refuses to replace. A link
// would refuse, and the old name could be removed then; but those are two steps, between which
// other processes see the file under two names, and of which a power cut can keep only the
// second.
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
