package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
)

// StoreLock is the file in a directory of leases that is locked. A store that is a file is
// locked itself.
const StoreLock = "lock"

// A store that was replaced says so itself, by the mode of the file that is locked: the
// setgid bit, and no permission to write. It is in the inode, so it is seen through every
// mount, and it can be set on a file that is damaged. To look at it costs nothing: a
// process that has locked the file has its mode. The kernel takes the setgid bit away
// neither from a file that is written to nor from one that changes hands, as long as its
// group may not execute it (setattr_should_drop_sgid in fs/attr.c). The bit alone would
// not do: chmod -R g+s of the data directory sets it, too.
const (
	markBit   = fs.ModeSetgid
	writeBits = 0o222
	ownerBit  = 0o200
)

// Marked reports whether a store says that it was replaced. The description is that of the
// file that is locked. A directory in its place says the same: see bar.
func Marked(locked fs.FileInfo) bool {
	return locked.Mode().IsDir() || IsMark(locked.Mode())
}

// IsMark is [Marked] for the mode of a file.
func IsMark(mode fs.FileMode) bool { return mode&markBit != 0 && mode&writeBits == 0 }

// ErrUnderway says that a store was marked while a transaction had its lock. A migration
// works on it through another mount, which does not share locks: see [Swap]. What was done is
// in the store that leaves, and was seen by the migration or not.
var ErrUnderway = fmt.Errorf("%w: a migration or a repair works on the store with another lock; "+
	"on this file system a lock can be known to one mount only", backend.ErrBusy)

// errUnmarked says that a file system does not keep the mark.
var errUnmarked = errors.New("the file system does not keep the mode of a store that was replaced")

// mark has a store say, durably, that it was replaced. The caller has it locked.
func mark(f *os.File) error {
	info, err := f.Stat()
	if err != nil || Marked(info) {
		return err
	}
	if err := setMark(f, info); err != nil {
		return errors.Join(err, f.Chmod(info.Mode()))
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, Unmark(f))
	}
	return nil
}

// setMark returns errUnmarked also where the bit is refused: vfat has no such mode.
func setMark(f *os.File, info fs.FileInfo) error {
	if err := f.Chmod(info.Mode()&^writeBits | markBit); errors.Is(err, fs.ErrPermission) {
		return errUnmarked
	} else if err != nil {
		return err
	}
	// Without the right to set the bit, or on a file system without it, it can be ignored.
	now, err := f.Stat()
	if err == nil && !Marked(now) {
		err = errUnmarked
	}
	return err
}

// Unmark takes a store into use again, durably. The caller has it locked.
func Unmark(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !Marked(info) {
		return err
	}
	if err := f.Chmod(info.Mode()&^markBit | ownerBit); err != nil {
		return err
	}
	return f.Sync()
}

// lockOf returns the path of the file that is locked of the store at path, which info
// describes.
func lockOf(path string, info fs.FileInfo) string {
	if info.IsDir() {
		return filepath.Join(path, StoreLock)
	}
	return path
}

// openLock opens the file that is locked of the store in the place, which old describes.
func (p Place) openLock(old fs.FileInfo) (*os.File, error) {
	f, err := os.OpenFile(lockOf(p.path, old), os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	if err := p.still(p.path, old); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
