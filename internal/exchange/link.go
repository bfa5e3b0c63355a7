package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
)

// A LinkError says that a symbolic link at the path of a store, or above it, leads to no
// directory. That is not a missing store: the target can be on a file system that is not
// mounted, and contain leases.
type LinkError struct {
	Path   string // of the link
	Target string
	err    error
}

var errNotDir = errors.New("which is not a directory")

func (e *LinkError) Error() string {
	why := ": " + e.err.Error()
	switch {
	case errors.Is(e.err, fs.ErrNotExist):
		why = ", which does not exist"
	case errors.Is(e.err, errNotDir):
		why = ", " + why[len(": "):]
	}
	return fmt.Sprintf("%s is a symbolic link to %s%s", e.Path, e.Target, why)
}

// Unwrap returns [backend.ErrOtherStore] and the reason why the target cannot be used, except
// [fs.ErrNotExist], which would mean a network without leases.
func (e *LinkError) Unwrap() []error {
	if errors.Is(e.err, fs.ErrNotExist) {
		return []error{backend.ErrOtherStore}
	}
	return []error{backend.ErrOtherStore, e.err}
}

// Advice returns the next step for an operator.
func (e *LinkError) Advice() string {
	if errors.Is(e.err, errNotDir) {
		return "plugins follow a link only to a directory of leases: replace the link by the store itself"
	}
	return "mount the file system that it leads to, or correct the link; " +
		"without the link, the next ADD creates an empty store and leases addresses again that containers use: remove it only if none of them runs"
}

// CheckLink returns a [LinkError] if path is a symbolic link that leads to no directory.
func CheckLink(path string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return nil // It is not a link, or the caller will get the error, too.
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		err = errNotDir
	default:
		err = reason(err)
	}
	return &LinkError{path, target, err}
}

// CheckLinks is [CheckLink] for dir or, if dir does not exist, the nearest directory above it
// that does.
func CheckLinks(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		_, err := os.Lstat(dir)
		if err == nil {
			return CheckLink(dir)
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return nil // The caller will get the error, too.
		}
	}
}

// reason removes the path from the error: LinkError names the link itself.
func reason(err error) error {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err
	}
	return err
}

// occupied reports whether a store, or a link to one, is in the place. A dangling link is an
// error: the place has no store, and yet the waiting store cannot get its name.
func (p Place) occupied() (bool, error) {
	there, err := exists(os.Stat, p.path)
	if there || err != nil {
		return there, err
	}
	return false, CheckLink(p.path)
}
