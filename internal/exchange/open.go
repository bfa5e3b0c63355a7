package exchange

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/leasehold/leasehold/internal/owner"
	"github.com/leasehold/leasehold/internal/sentinel"
)

// ErrNotFollowed: a symbolic link is in the place of a file or a directory of ours.
var ErrNotFollowed = errors.New("it is a symbolic link, which is not followed")

// ErrFileNotFollowed is [ErrNotFollowed] for a file, of which another can be made.
var ErrFileNotFollowed = sentinel.Kind(ErrNotFollowed, "remove it")

// errDirNotFollowed is [ErrNotFollowed] for [Place.Dir], in which a store can wait.
var errDirNotFollowed = sentinel.Kind(ErrNotFollowed, "replace it by a directory, and move what is in its target there")

var errNotRegular = errors.New("it is not a regular file; remove it")

// openRegular is [os.OpenFile] for a file of ours in a directory in which others can put anything. It
// neither follows a symbolic link nor waits for a FIFO.
func openRegular(path string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := owner.OpenFile(path, flag|safeFlags, perm)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrFileNotFollowed}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
