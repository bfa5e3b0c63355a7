package durable

import (
	"io/fs"
	"os"
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

// SetSettled says whether it is. The caller has the lock under which it changes.
func SetSettled(f *os.File, settled bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := info.Mode() &^ fs.ModeSticky
	if settled {
		mode |= fs.ModeSticky
	}
	if mode == info.Mode() {
		return nil
	}
	return f.Chmod(mode)
}
