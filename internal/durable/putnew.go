package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// PutNew is [RenameNew] for a name that other processes may take at the same time, without a
// lock that the caller holds. It never replaces a file, but returns [fs.ErrExist]. If the
// system has no rename that refuses to replace, a file gets its new name by a link, and has
// both names for a moment, or longer if the process is killed. Only where there are neither
// such renames nor links, PutNew checks the name and then takes it, and replaces what gets the
// name in between.
func PutNew(path, to string) error {
	err := renameNew(path, to)
	if errors.Is(err, errors.ErrUnsupported) {
		return putByLink(path, to)
	}
	return err
}

func putByLink(path, to string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		if err := os.Link(path, to); err == nil {
			return dropFirst(path, to)
		} else if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// A directory can only replace an empty one, in which no lock was made yet.
	err = checkedRename(path, to)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) {
		err = &os.LinkError{Op: "rename", Old: path, New: to, Err: fs.ErrExist}
	}
	return err
}

// dropFirst removes the first name of a file once the second is durable, so that a power cut
// does not undo the second alone.
func dropFirst(path, to string) error {
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return os.Remove(path)
}
