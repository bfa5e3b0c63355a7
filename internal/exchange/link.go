package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
)

// A LinkError says that a symbolic link is in the place of a store, or above it, and leads to
// no directory. It is not an absent store: what the link leads to can be on a file system that
// is not mounted, and hold leases.
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
	case e.err == errNotDir:
		why = ", " + why[len(": "):]
	}
	return fmt.Sprintf("%s is a symbolic link to %s%s", e.Path, e.Target, why)
}

// Unwrap returns [backend.ErrOtherStore], and why the target cannot be used, but for
// [fs.ErrNotExist]: a caller that looks for that takes it for a network without leases.
func (e *LinkError) Unwrap() []error {
	if errors.Is(e.err, fs.ErrNotExist) {
		return []error{backend.ErrOtherStore}
	}
	return []error{backend.ErrOtherStore, e.err}
}

// Advice says what to do next.
func (e *LinkError) Advice() string {
	if e.err == errNotDir {
		return "plugins follow a link to a directory of leases only: put the store itself in the place of the link"
	}
	return "mount the file system that it leads to, or correct the link; " +
		"without it the next ADD makes an empty store, and leases addresses again that containers use: remove it only if none of them runs"
}

// CheckLink returns a [LinkError] if path is a symbolic link that leads to no directory.
func CheckLink(path string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return nil // It is not a link, or the caller meets the error as well.
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

// CheckLinks is [CheckLink] for dir or, if that is not there, the nearest directory above it
// that is.
func CheckLinks(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		_, err := os.Lstat(dir)
		if err == nil {
			return CheckLink(dir)
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return nil // The caller meets the error as well.
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

// occupied reports whether a store is in the place, or a link to one. A link to nothing is
// neither that nor a vacant place: no name can be given to the store that waits.
func (p Place) occupied() (bool, error) {
	there, err := exists(os.Stat, p.path)
	if there || err != nil {
		return there, err
	}
	return false, CheckLink(p.path)
}
