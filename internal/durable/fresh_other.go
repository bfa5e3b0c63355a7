//go:build !linux

package durable

import (
	"io/fs"
	"os"
	"time"
)

// FreshMode returns the mode that a file has now.
func FreshMode(f *os.File) (fs.FileMode, error) { return keptMode(f) }

// FreshModTime returns when what is at path was changed last.
func FreshModTime(path string) (time.Time, error) { return keptModTime(path) }
