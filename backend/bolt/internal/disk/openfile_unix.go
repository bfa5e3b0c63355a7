//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/owner"
)

// OpenFile is os.OpenFile, but does not follow a symbolic link, does not wait for the
// other end of a FIFO, and does not start the poller of the Go runtime, which for a process
// that only opens files wastes 30 µs. What root makes belongs to the owner of the directory.
func OpenFile(path string, flag int, perm uint32) (*os.File, error) {
	var to owner.Owner
	if flag&os.O_CREATE != 0 {
		to = owner.In(filepath.Dir(path))
	}
	var fd int
	err := to.As(func() (err error) {
		for {
			fd, err = unix.Open(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, perm)
			if !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd) // Nothing was written.
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	if err := to.Give(fd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
