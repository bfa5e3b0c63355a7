//go:build unix

package stores

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
)

// checkWritable returns an error if this process may not write to path.
func checkWritable(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil && !isOursMarked(path) {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return checkOpen(path)
}

// checkOpen opens a file of the store for writing, and closes it. An ext4 file system that has
// met an error (emergency_ro in /proc/mounts, from Linux 6.12 on) shows in no other way that it
// is read-only.
func checkOpen(path string) error {
	info, err := os.Lstat(path)
	files := err == nil && info.IsDir()
	if files {
		path = filepath.Join(path, exchange.StoreLock)
		info, err = os.Lstat(path)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil // There is no store yet, or other functions report what is wrong with it.
	}
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && files && durable.IsClean(info) && !mayChangeMode(st.Uid) {
		// Before it changes anything, an Update clears the clean bit.
		return &fs.PathError{Op: "change mode of", Path: path, Err: syscall.EPERM}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil && isOursMarked(path) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// isOursMarked reports whether a file of this user is read-only only because a migration marks the store:
// when it has ended, or was killed, plugins go on.
func isOursMarked(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || !exchange.Marked(info) {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && unix.Access(filepath.Dir(path), unix.W_OK) == nil
}
