package durable

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// FreshMode returns the mode that a file or directory has now, without the bits of other types. FUSE and network file systems answer
// fstat(2) from what the kernel has kept, for a second mostly, and another mount can have
// changed it; statx(2) can ask the file system itself. On a disk the two calls are the same.
func FreshMode(f *os.File) (fs.FileMode, error) {
	var st unix.Statx_t
	err := retried(func() error {
		return unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_FORCE_SYNC, unix.STATX_TYPE|unix.STATX_MODE, &st)
	})
	if isMissing(err) {
		return keptMode(f)
	}
	if err != nil {
		return 0, &fs.PathError{Op: "statx", Path: f.Name(), Err: err}
	}
	mode := fs.FileMode(st.Mode & 0o777)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode |= fs.ModeDir
	}
	for _, bit := range []struct {
		unix uint16
		mode fs.FileMode
	}{{unix.S_ISUID, fs.ModeSetuid}, {unix.S_ISGID, fs.ModeSetgid}, {unix.S_ISVTX, fs.ModeSticky}} {
		if st.Mode&bit.unix != 0 {
			mode |= bit.mode
		}
	}
	return mode, nil
}

// FreshModTime returns when what is at path was changed last, as the file system itself says
// now. A symbolic link is followed.
func FreshModTime(path string) (time.Time, error) {
	var st unix.Statx_t
	err := retried(func() error {
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC, unix.STATX_MTIME, &st)
	})
	if isMissing(err) {
		return keptModTime(path)
	}
	if err != nil {
		return time.Time{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	return time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)), nil
}

// isMissing reports whether there is no such call: before Linux 4.11, or where a filter of system
// calls rejects it, some of which answer EPERM.
func isMissing(err error) bool { return errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) }

func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
