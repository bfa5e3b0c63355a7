package durable

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// alive returns an error if the file system of d has shut down, as xfs does when it cannot
// write its log. Syncing a directory then succeeds without writing anything (seen with Linux
// 6.18), but opening one fails.
func alive(d *os.File) error {
	for {
		fd, err := unix.Openat(int(d.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: "sync", Path: d.Name(), Err: err}
		}
		return unix.Close(fd)
	}
}
