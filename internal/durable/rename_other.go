//go:build !linux

package durable

import (
	"errors"
	"os"
)

// RenameNew renames path. If the new name is taken it returns [fs.ErrExist]. It can replace what
// gets the name at the same moment, so the caller has to hold the lock under which that name is
// given.
func RenameNew(path, to string) error { return checkedRename(path, to) }

func renameNew(string, string) error { return errors.ErrUnsupported }

// Exchange exchanges two names in one step. If the system cannot do that it returns
// [errors.ErrUnsupported].
func Exchange(a, b string) error {
	return &os.LinkError{Op: "exchange", Old: a, New: b, Err: errors.ErrUnsupported}
}
