//go:build !linux

package bolt

import "os"

// writesInPlace takes file systems as they come: elsewhere no spare file is kept.
func writesInPlace(*os.File) bool { return true }

func forbidCopies(*os.File) {}

func shared(*os.File) bool { return false }
