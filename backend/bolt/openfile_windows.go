package bolt

import (
	"io/fs"
	"os"
)

// openFile is os.OpenFile. On Windows only administrators can make symbolic links.
func openFile(path string, flag int, perm uint32) (*os.File, error) {
	return os.OpenFile(path, flag, fs.FileMode(perm))
}
