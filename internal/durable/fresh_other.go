//go:build !linux

package durable

import (
	"io/fs"
	"os"
	"time"
)

func freshMode(f *os.File) (fs.FileMode, error) { return keptMode(f) }

// FreshModTime returns when what is at path was changed last.
func FreshModTime(path string) (time.Time, error) { return keptModTime(path) }
