//go:build !linux

package durable

import (
	"errors"
	"os"
)

// RenameNew gives what stands at path another name. If something has that name it
// returns fs.ErrExist. What gets the name in the same moment can be replaced; the
// caller holds the lock under which alone that happens.
func RenameNew(path, to string) error { return checkedRename(path, to) }

func renameNew(string, string) error { return errors.ErrUnsupported }

// Exchange exchanges two names, where the system can do that in one step. Elsewhere
// it returns [errors.ErrUnsupported].
func Exchange(a, b string) error {
	return &os.LinkError{Op: "exchange", Old: a, New: b, Err: errors.ErrUnsupported}
}
