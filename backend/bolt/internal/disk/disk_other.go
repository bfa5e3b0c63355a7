//go:build !linux

package disk

import (
	"io/fs"
	"os"
)

// HasNoHoles is true: elsewhere a file is only extended by writing.
func HasNoHoles(fs.FileInfo) bool { return true }

// Allocate does nothing: extending a file by writing allocates its space.
func Allocate(*os.File, int64) error { return nil }

// WritesInPlace is true: elsewhere no spare file is kept.
func WritesInPlace(*os.File) bool { return true }

// DisableCopyOnWrite does nothing: no other file system is known to need it.
func DisableCopyOnWrite(*os.File) {}

// HasSharedBlocks reports false, as on Linux for a file system that cannot tell.
func HasSharedBlocks(*os.File) bool { return false }

// AnonymousFile returns an empty file without a name, where the system can remove an open file.
func AnonymousFile() (*os.File, error) {
	f, err := os.CreateTemp("", "leasehold-")
	if err == nil {
		_ = os.Remove(f.Name()) // Then it stays until the system empties the directory.
	}
	return f, err
}
