package files

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameNoReplace gives a file a name that nothing has.
func (d *dir) renameNoReplace(from, to string) error {
	err := unix.Renameat2(d.fd(), from, d.fd(), to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // NFS, FUSE
		return d.linkNew(from, to)
	}
	return err
}

// linkNew gives the file a second name, which fails if something has it: also if that has
// come into being through another mount, where our lock is not known. The first name goes
// with the next sync, and not before: a power cut could keep the removal alone.
func (d *dir) linkNew(from, to string) error {
	err := unix.Linkat(d.fd(), from, d.fd(), to, 0)
	switch {
	case err == nil, errors.Is(err, unix.EEXIST) && d.isSame(from, to):
		d.linked = append(d.linked, from)
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return d.checkedRename(from, to) // The file system has no links.
	}
	return err
}

// isSame reports whether two names are of one file: a client of NFS that gets no answer
// asks again, and is told that the name exists that it has made.
func (d *dir) isSame(a, b string) bool {
	first, err := d.stat(a)
	second, secondErr := d.stat(b)
	return err == nil && secondErr == nil && first.inode == second.inode
}
