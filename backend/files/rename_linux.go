package files

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameNoReplace returns [fs.ErrExist] if to exists.
func (d *dir) renameNoReplace(from, to string) error {
	err := unix.Renameat2(d.fd(), from, d.fd(), to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // NFS, FUSE
		return d.linkNew(from, to)
	}
	return err
}

// linkNew gives the file a second name, which fails if the name exists, even if it was made
// through another mount, where our lock is not known. The next sync removes the first name, and
// not before, because a power cut could keep the removal alone.
func (d *dir) linkNew(from, to string) error {
	err := unix.Linkat(d.fd(), from, d.fd(), to, 0)
	switch {
	case err == nil, errors.Is(err, unix.EEXIST) && d.isSameFile(from, to):
		d.linked = append(d.linked, from)
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return d.checkedRename(from, to) // The file system has no links.
	}
	return err
}

// isSameFile reports whether two names belong to one file: an NFS client that gets no answer
// repeats the request, and then learns that the name exists, which it made itself.
func (d *dir) isSameFile(a, b string) bool {
	first, err := d.stat(a)
	second, secondErr := d.stat(b)
	return err == nil && secondErr == nil && first.inode == second.inode
}
