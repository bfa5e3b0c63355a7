//go:build unix

package stores

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

func writable(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}
