// Package durable makes changes to directories survive a power cut.
//
// A rename is atomic by itself, but durable only once the directory has been synced.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/leasehold/leasehold/internal/owner"
)

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() // It was only read.
	return SyncOpenDir(d)
}

// SyncOpenDir is [SyncDir] for a directory that is open already.
func SyncOpenDir(d *os.File) error {
	if runtime.GOOS == "windows" {
		return nil // NTFS logs changes of names; a directory handle cannot be flushed.
	}
	if err := d.Sync(); err != nil {
		return err
	}
	return alive(d)
}

// MkdirAll creates a directory and its missing parents, and makes each of them durable. It is no
// error if the directory exists. What root creates belongs to the owner of the parent.
func MkdirAll(dir string, perm fs.FileMode) error {
	dir = filepath.Clean(dir)
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("not a directory")}
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return err
	}
	if err := MkdirAll(parent, perm); err != nil {
		return err
	}
	err = owner.Mkdir(dir, perm)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}

// SyncPath makes the names in dir, and in every directory above it, durable. It skips
// directories that may not be read, because this process did not make those.
func SyncPath(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for {
		if err := SyncDir(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}
