package netconf

import (
	"os"
	"path/filepath"
)

// IsSameDir reports whether two paths name one directory: a configuration can end in a slash, or go
// through a symbolic link.
func IsSameDir(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// IsWithin reports whether a path is dir, or leads to somewhere below it. It need not exist.
func IsWithin(path, dir string) bool {
	path = resolve(path)
	for {
		if IsSameDir(path, dir) {
			return true
		}
		parent := filepath.Dir(path)
		if parent == path {
			return false
		}
		path = parent
	}
}

// resolve follows the symbolic links in a path, as far as it exists.
func resolve(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	for there, missing := path, ""; ; there, missing = filepath.Dir(there), filepath.Join(filepath.Base(there), missing) {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return filepath.Join(real, missing)
		}
		if there == filepath.Dir(there) {
			return path
		}
	}
}
