package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// IsStray reports whether the directory at path never was a store: it has files, but none that
// a store has. An empty directory can be a store without leases, and an unreadable one can be a
// store.
func IsStray(path string) bool {
	d, err := os.Open(path)
	if err != nil {
		return false
	}
	defer d.Close() // It was only read.
	for found := false; ; {
		names, err := d.Readdirnames(256)
		for _, name := range names {
			if isStoreFile(name) {
				return false
			}
			found = true
		}
		if err != nil {
			return found && errors.Is(err, io.EOF)
		}
	}
}

// IsPart reports whether the file at path has a name and a place that only a file of a store has: the directory is a
// store itself. A program that takes it for a directory of stores must not take the file for one.
func IsPart(path string) bool {
	dir, name := filepath.Split(path)
	if !isStoreFile(name) {
		return false
	}
	if name != lockName {
		info, err := os.Lstat(filepath.Join(dir, lockName))
		return err == nil && info.Mode().IsRegular()
	}
	entries, err := os.ReadDir(filepath.Clean(dir))
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != name && isStoreFile(e.Name()) })
}

// isStoreFile reports whether a store can have a file of that name.
func isStoreFile(name string) bool {
	_, _, isLease := parseName(name)
	return isLease || isControlFile(name) || strings.HasPrefix(name, cursorPrefix) || strings.HasPrefix(name, ".leasehold-")
}
