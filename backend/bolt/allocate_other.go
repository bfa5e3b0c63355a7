//go:build !linux

package bolt

import (
	"io/fs"
	"os"
)

func allocated(fs.FileInfo) bool { return true }

// allocate makes the file size bytes long, with disk space for all of them.
func allocate(f *os.File, size int64) error { return extend(f, size) }
