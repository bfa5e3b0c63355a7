//go:build !linux

package bolt

import "os"

// renameNoReplace gives the file at path another name. The caller holds the lock
// under which alone files come to stand at to, so nothing is replaced.
func renameNoReplace(path, to string) error { return os.Rename(path, to) }
