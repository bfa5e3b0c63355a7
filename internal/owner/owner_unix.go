//go:build unix

package owner

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

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
	if err := unix.Fchown(fd, o.user, o.group); !isImpossible(err) {
		return err
	}
	return nil
}

// isImpossible reports whether the file system, or the user namespace, does not allow an owner.
func isImpossible(err error) bool {
	return slices.ContainsFunc([]error{unix.EPERM, unix.EINVAL, unix.ENOTSUP, unix.ENOSYS}, func(e error) bool { return errors.Is(err, e) })
}

// OpenFile is [os.OpenFile]; a file that it makes belongs to the owner of the directory in which it is.
func OpenFile(path string, flag int, perm fs.FileMode) (f *os.File, err error) {
	if flag&os.O_CREATE == 0 {
		return os.OpenFile(path, flag, perm)
	}
	o := In(filepath.Dir(path))
	err = o.As(func() (err error) {
		f, err = os.OpenFile(path, flag, perm)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := o.Give(int(f.Fd())); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Create makes a file that only its owner can read and write.
func Create(path string) (*os.File, error) {
	return OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// IsForeign reports whether what root makes in dir would belong to a user who owns neither the directory above
// nor, as root, everything.
func IsForeign(dir, above fs.FileInfo) bool {
	st, isUnix := dir.Sys().(*syscall.Stat_t)
	stAbove, aboveIsUnix := above.Sys().(*syscall.Stat_t)
	return isUnix && aboveIsUnix && os.Geteuid() == 0 && st.Uid != 0 && st.Uid != stAbove.Uid
}

// Mkdir makes a directory, which belongs to the owner of the one in which it is.
func Mkdir(path string, perm fs.FileMode) error {
	if err := In(filepath.Dir(path)).As(func() error { return os.Mkdir(path, perm) }); err != nil {
		return err
	}
	return giveDir(path)
}

// giveDir gives a directory that this process has just made, and so is empty, to the owner of the one in
// which it is.
func giveDir(path string) error {
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

// Like gives the store at path, a file or a directory of files that root has just made, to the owner of the store
// that it will replace. It does nothing if others than root can put something into the directory in
// which it is. Nothing is synced: without the new owner it has the same leases.
func Like(path string, replaced fs.FileInfo) error {
	to, ok := replaced.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close() // It was only read.
	if private, err := isPrivate(dir); !private {
		return err
	}
	return chownAll(dir, filepath.Base(path), int(to.Uid), int(to.Gid))
}

// isPrivate reports whether only root can put something into a directory.
func isPrivate(dir *os.Root) (bool, error) {
	info, err := dir.Stat(".")
	if err != nil {
		return false, err
	}
	return info.Sys().(*syscall.Stat_t).Uid == 0 && info.Mode()&0o022 == 0, nil
}

// chownAll changes the owner of a file, or of a directory and the files in it, as far as that is possible.
func chownAll(in *os.Root, name string, user, group int) error {
	info, err := in.Lstat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		sub, err := in.OpenRoot(name)
		if err != nil {
			return err
		}
		defer sub.Close() // Likewise.
		entries, err := fs.ReadDir(sub.FS(), ".")
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := sub.Lchown(e.Name(), user, group); err != nil && !isImpossible(err) {
				return err
			}
		}
	}
	if err := in.Lchown(name, user, group); !isImpossible(err) {
		return err
	}
	return nil
}
