package durable

import (
	"io/fs"
	"os"
	"time"
)

// A process that is killed between a change and its sync leaves a change that others see and
// that a power cut undoes. The next process must neither build on it nor promise it: it has
// to sync first. Syncing before every transaction would cost a tenth of an ADD, so a process
// that has synced everything sets a clean bit: the sticky bit of a file, which has no other
// meaning on a file. Setting it takes a microsecond. The bit itself need not be durable:
// after a power cut all that can be seen is.

// IsClean reports whether the clean bit is set in the file that info describes: everything
// that was done under its lock is durable.
func IsClean(info fs.FileInfo) bool { return info.Mode()&fs.ModeSticky != 0 }

// StatClean is [IsClean] for an open file.
func StatClean(f *os.File) (bool, error) {
	mode, err := FreshMode(f)
	return err == nil && mode&fs.ModeSticky != 0, err
}

// MarkClean sets the clean bit, after the last sync. It returns the mode that the file has then,
// and whether it was changed. The caller holds the store's lock. A mode for which keep is true is
// not changed: another process, with another lock, may be about to take its other bits away, and
// they would come back.
func MarkClean(f *os.File, keep func(fs.FileMode) bool) (mode fs.FileMode, changed bool, err error) {
	return setMode(f, 0, fs.ModeSticky, keep)
}

// MarkDirty clears the clean bit, before the first change, and sets more bits. Otherwise it is like
// [MarkClean].
func MarkDirty(f *os.File, more fs.FileMode, keep func(fs.FileMode) bool) (mode fs.FileMode, changed bool, err error) {
	return setMode(f, fs.ModeSticky, more, keep)
}

func setMode(f *os.File, without, with fs.FileMode, keep func(fs.FileMode) bool) (mode fs.FileMode, changed bool, err error) {
	was, err := FreshMode(f)
	if err != nil || keep(was) {
		return was, false, err
	}
	mode = was&^without | with
	if mode == was {
		return was, false, nil
	}
	return mode, true, f.Chmod(mode)
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
