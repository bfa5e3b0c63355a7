package durable

import (
	"io/fs"
	"os"
	"time"
)

// A process that is killed between a change and the sync of it leaves what others see and
// a power cut takes away. Who comes next must not build on that, nor promise it: it has
// to sync first. That costs a tenth of an ADD, so whoever is through says that there is
// nothing to sync, by the sticky bit of a file, which on a file means nothing else. To
// set it takes a microsecond. It need not be durable itself: after a power cut all that
// can be seen is.

// Settled reports whether all that was done to what the file stands for is durable.
func Settled(f *os.File) (bool, error) {
	info, err := f.Stat()
	return err == nil && IsSettled(info), err
}

// IsSettled is Settled for a file that info describes.
func IsSettled(info fs.FileInfo) bool { return info.Mode()&fs.ModeSticky != 0 }

// SetSettled says whether it is, and returns the mode that the file has then. The caller has
// the lock under which it changes.
func SetSettled(f *os.File, settled bool) (fs.FileMode, error) {
	was, err := freshMode(f)
	if err != nil {
		return 0, err
	}
	mode := was &^ fs.ModeSticky
	if settled {
		mode |= fs.ModeSticky
	}
	if mode == was {
		return was, nil
	}
	return mode, f.Chmod(mode)
}

func keptMode(f *os.File) (fs.FileMode, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Mode() &^ fs.ModeType, nil
}

func keptModTime(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
