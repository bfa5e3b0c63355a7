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
