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
