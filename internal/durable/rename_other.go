//go:build !linux

package durable

import (
	"errors"
	"os"
)

// RenameNew gives what stands at path another name. If something has that name it
// returns fs.ErrExist; only on file systems that have no links, a file can be
// replaced.
func RenameNew(path, to string) error { return renameCarefully(path, to) }

// Exchange exchanges two names, where the system can do that in one step. Elsewhere
// it returns [errors.ErrUnsupported].
func Exchange(a, b string) error {
	return &os.LinkError{Op: "exchange", Old: a, New: b, Err: errors.ErrUnsupported}
}
