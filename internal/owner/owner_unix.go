//go:build unix

package owner

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// In returns the owner of a directory, if this process is root and the directory belongs to another
// user. If that is not known, it returns the zero Owner.
func In(dir string) Owner {
	var st unix.Stat_t
	if os.Geteuid() != 0 || unix.Stat(dir, &st) != nil || st.Uid == 0 {
		return Owner{}
	}
	return Owner{int(st.Uid), int(st.Gid)}
}

// Give gives the file or directory to the owner, if this process has just made it: it is empty,
// belongs to root, and has no other name. It is no error if the file system, or the user namespace,
// does not allow that.
func (o Owner) Give(fd int) error {
	if o == (Owner{}) {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if st.Uid != 0 || !isDir && (st.Size > 0 || st.Nlink > 1) {
		return nil
	}
	err := unix.Fchown(fd, o.user, o.group)
	for _, impossible := range []error{unix.EPERM, unix.EINVAL, unix.ENOTSUP, unix.ENOSYS} {
		if errors.Is(err, impossible) {
			return nil
		}
	}
	return err
}

// GiveFile gives a file that this process has just made to the owner of the directory in which it is.
func GiveFile(f *os.File) error { return In(filepath.Dir(f.Name())).Give(int(f.Fd())) }

// GiveDir gives a directory that this process has just made to the owner of the one in which it is.
func GiveDir(path string) error {
	o := In(filepath.Dir(path))
	if o == (Owner{}) {
		return nil
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	return errors.Join(o.Give(fd), unix.Close(fd))
}
