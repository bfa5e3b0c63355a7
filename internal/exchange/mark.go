package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/sentinel"
)

// StoreLock is the locked file of a store that is a directory. A store that is a file is locked
// itself.
const StoreLock = "lock"

// A store is marked as replaced by the mode of its locked file: it has no write permission. The mark is
// in the inode, so it is visible through every mount, and it works for a damaged file. Checking it
// costs nothing, because a process that has locked the file has its mode.
//
// The setgid bit is set besides, for people and for earlier versions, which take only both for the
// mark. It is required only if the mode has no read permission either, as under umask 0777: cp copies
// the permissions of a store that an operator puts back, but not that bit.
const (
	markBit   = fs.ModeSetgid
	writeBits = 0o222
	readBit   = 0o400
	ownerBit  = 0o200
)

// Marked reports whether a store is marked as replaced, by the description of its locked file.
// A directory in the place of that file is a mark, too: see bar.
func Marked(locked fs.FileInfo) bool {
	return locked.Mode().IsDir() || IsMark(locked.Mode())
}

// IsMark is [Marked] for the mode of a file.
func IsMark(mode fs.FileMode) bool { return mode&writeBits == 0 && mode&(readBit|markBit) != 0 }

// UnknownMode is a mode for [CheckEnd] that is no mark.
const UnknownMode = fs.FileMode(ownerBit)

// ErrUnderway says that a store was marked during a transaction. A migration is using it
// through another mount, which does not share locks: see [Swap]. The changes of the transaction
// are in the old store, and the migration may have missed them.
var ErrUnderway = sentinel.Kind(backend.ErrBusy, "a migration or repair is using the store under another lock; "+
	"on this file system a lock can be known to one mount only")

// CheckEnd returns [ErrUnderway] if a transaction that has changed the store at path must not
// report success: the store was marked meanwhile, or has left its place. self is the open file or
// directory of the store, locked its locked file, and mode the mode that the transaction gave it, or
// [UnknownMode].
//
// The mark alone is not enough. A transaction reads the mode and then changes it, which erases a
// mark that was set in between. If that was before the old store left, the migration notices it
// and gives up; if not, path leads to another store by now, and the mark is set again.
func CheckEnd(path string, self, locked *os.File, mode fs.FileMode) error {
	if IsMark(mode) {
		return ErrUnderway
	}
	replaced, err := At(path).wasReplaced(self)
	if err != nil || !replaced {
		return err
	}
	if err := mark(locked); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnderway, err)
	}
	return ErrUnderway
}

// TakeIntoUse removes the mark of a store in the state [Unfinished]. self and locked are as for
// [CheckEnd], whose error it returns: where a lock is known to one mount only, the process that
// marked the store may still be at work.
func (p Place) TakeIntoUse(self, locked *os.File) error {
	if err := Unmark(locked); err != nil {
		return err
	}
	return CheckEnd(p.path, self, locked, UnknownMode)
}

// wasReplaced reports whether another store has the place of the open file or directory, or
// waits for it. It returns [ErrUnderway] if the place is empty. A place that cannot be looked at
// counts as unchanged.
func (p Place) wasReplaced(self *os.File) (bool, error) {
	replaced, err := p.hasOther(self)
	if !errors.Is(err, fs.ErrNotExist) {
		return replaced, nil
	}
	if waiting, err := p.waiting(); err == nil && waiting != "" {
		return true, nil
	}
	// A store that waited before the search can have been moved into the place meanwhile.
	if replaced, err = p.hasOther(self); errors.Is(err, fs.ErrNotExist) {
		return false, ErrUnderway
	}
	return replaced, nil
}

// hasOther reports whether there is a store other than the open file or directory that was not
// replaced itself: while a migration exchanges two stores, the old one is at the path at which the
// new one was built.
func (p Place) hasOther(self *os.File) (bool, error) {
	there, err := os.Stat(p.path)
	if err != nil {
		return false, err
	}
	here, err := self.Stat()
	if err != nil || os.SameFile(there, here) {
		return false, err
	}
	locked, err := os.Lstat(storeLockOf(p.path, there))
	return err != nil || !Marked(locked), nil
}

var errUnmarked = errors.New("the file system does not keep the mode that marks a store as replaced")

// mark marks a store as replaced, durably. The caller has locked it.
func mark(f *os.File) error {
	mode, err := durable.FreshMode(f)
	if err != nil || mode.IsDir() || IsMark(mode) {
		return err
	}
	if err := setMark(f, mode); err != nil {
		failed := f.Chmod(mode)
		if errors.Is(failed, fs.ErrPermission) {
			// The file system may well keep the mark, but this process may not change the mode.
			return fmt.Errorf("it cannot be marked as replaced: %w; run the command as root, or as the owner of that file", failed)
		}
		return errors.Join(err, failed)
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, Unmark(f))
	}
	return nil
}

// markCopy marks the copy of a directory, if the file system keeps the mark.
func markCopy(dir string) error {
	f, err := openRegular(filepath.Join(dir, StoreLock), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close() // Nothing is written but the mode, which is synced.
	if err := mark(f); !errors.Is(err, errUnmarked) {
		return err
	}
	return nil
}

// setMark returns errUnmarked also if the file system rejects the bit: vfat has no such mode.
func setMark(f *os.File, mode fs.FileMode) error {
	if err := f.Chmod(mode&^writeBits | markBit); errors.Is(err, fs.ErrPermission) {
		return errUnmarked
	} else if err != nil {
		return err
	}
	// Where the file system has no such permissions, chmod can ignore them.
	mode, err := durable.FreshMode(f)
	if err == nil && !IsMark(mode) {
		err = errUnmarked
	}
	return err
}

// Unmark removes the mark, durably. The caller has locked the store.
func Unmark(f *os.File) error {
	mode, err := durable.FreshMode(f)
	if err != nil || !IsMark(mode) {
		return err
	}
	if err := f.Chmod(mode&^markBit | ownerBit); err != nil {
		return err
	}
	return f.Sync()
}

// storeLockOf returns the path of the locked file of the store at path, which info describes.
func storeLockOf(path string, info fs.FileInfo) string {
	if info.IsDir() {
		return filepath.Join(path, StoreLock)
	}
	return path
}

// openStoreLock opens the locked file of the store in the place, which old describes.
func (p Place) openStoreLock(old fs.FileInfo) (*os.File, error) {
	f, err := openRegular(storeLockOf(p.path, old), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if err := p.checkSame(p.path, old); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
