//go:build unix

package stores

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// writable returns an error if this process may not write to what is at path.
func writable(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return opens(path)
}

// opens opens a file of the store for writing, and closes it. An ext4 that has met an error
// (emergency_ro in /proc/mounts, from Linux 6.12 on) is read-only in no other way that shows.
func opens(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, "lock") // of a files store
		info, err = os.Lstat(path)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil // There is no store yet, or it is not for this function to say.
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return f.Close()
}
