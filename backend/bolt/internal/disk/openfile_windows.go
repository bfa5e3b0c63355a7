package disk

import (
	"io/fs"
	"os"
)

// OpenFile is os.OpenFile. On Windows only administrators can make symbolic links.
func OpenFile(path string, flag int, perm uint32) (*os.File, error) {
	return os.OpenFile(path, flag, fs.FileMode(perm))
}
