//go:build unix

package owner

import (
	"errors"
	"io"
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

// Give gives a file to the owner, if this process has just made it: it is empty, belongs to root, and has
// no other name. It is no error if the file system, or the user namespace, does not allow that.
func (o Owner) Give(fd int) error {
	if o == (Owner{}) {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Size > 0 || st.Nlink > 1 {
		return nil
	}
	return o.give(fd, &st)
}

// give gives what belongs to root.
func (o Owner) give(fd int, st *unix.Stat_t) error {
	if st.Uid != 0 {
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

// GiveDir gives a directory that this process has just made, and so is empty, to the owner of the one in
// which it is.
func GiveDir(path string) error {
	o := In(filepath.Dir(path))
	if o == (Owner{}) {
		return nil
	}
	d, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer d.Close() // It was only read.
	if _, err := d.Readdirnames(1); !errors.Is(err, io.EOF) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(d.Fd()), &st); err != nil {
		return err
	}
	return o.give(int(d.Fd()), &st)
}
