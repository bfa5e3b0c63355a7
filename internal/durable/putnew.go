package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// PutNew is [RenameNew] where others may be about to give something else the same name,
// under no lock that the caller has: that is never replaced, and PutNew returns
// fs.ErrExist. If the system cannot refuse by itself, a file gets its new name by a link
// and has both for a moment, also if the process is killed. Only where there are neither
// such renames nor links, the name is looked at and then taken, and what gets it in
// between is replaced.
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
	// A directory replaces nothing but an empty one, in which no lock was made yet.
	err = checkedRename(path, to)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) {
		err = &os.LinkError{Op: "rename", Old: path, New: to, Err: fs.ErrExist}
	}
	return err
}

// dropFirst removes the first name of a file once the second is durable: a power cut must
// not keep only the removal.
func dropFirst(path, to string) error {
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return os.Remove(path)
}
