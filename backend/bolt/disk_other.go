//go:build !linux

package bolt

import (
	"io/fs"
	"os"
)

// hasNoHoles is true: elsewhere a file is only extended by writing.
func hasNoHoles(fs.FileInfo) bool { return true }

func allocate(*os.File, int64) error { return nil }

// writesInPlace is true: elsewhere no spare file is kept.
func writesInPlace(*os.File) bool { return true }

func disableCopyOnWrite(*os.File) {}

func hasSharedBlocks(*os.File) bool { return false }

// anonymousFile returns an empty file without a name, where the system can remove an open file.
func anonymousFile() (*os.File, error) {
	f, err := os.CreateTemp("", "leasehold-")
	if err == nil {
		_ = os.Remove(f.Name()) // Then it stays until the system empties the directory.
	}
	return f, err
}
