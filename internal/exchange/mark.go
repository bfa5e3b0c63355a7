package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
)

// StoreLock is the locked file of a store that is a directory. A store that is a file is locked
// itself.
const StoreLock = "lock"

// A store is marked as replaced by the mode of its locked file: the setgid bit, and no write
// permission. The mark is in the inode, so it is visible through every mount, and it works for a
// damaged file. Checking it costs nothing, because a process that has locked the file has its
// mode. The kernel keeps the setgid bit when a file is written or changes its owner, as long as
// its group may not execute it (setattr_should_drop_sgid in fs/attr.c). The bit alone would not
// suffice, because chmod -R g+s of the data directory sets it, too.
const (
	markBit   = fs.ModeSetgid
	writeBits = 0o222
	ownerBit  = 0o200
)

// Marked reports whether a store is marked as replaced, by the description of its locked file.
// A directory in the place of that file is a mark, too: see bar.
func Marked(locked fs.FileInfo) bool {
	return locked.Mode().IsDir() || IsMark(locked.Mode())
}

// IsMark is [Marked] for the mode of a file.
func IsMark(mode fs.FileMode) bool { return mode&markBit != 0 && mode&writeBits == 0 }

// ErrUnderway says that a store was marked during a transaction. A migration is using it
// through another mount, which does not share locks: see [Swap]. The changes of the transaction
// are in the old store, and the migration may have missed them.
var ErrUnderway = fmt.Errorf("%w: a migration or repair is using the store under another lock; "+
	"on this file system a lock can be known to one mount only", backend.ErrBusy)

// CheckEnd returns [ErrUnderway] if a transaction that has changed the store at path must not
// report success: the store was marked meanwhile, or has left its place. The mode is the one that
// the transaction gave to the locked file; self is the open file or directory of the store.
//
// The mark alone is not enough. A transaction reads the mode and then changes it, which erases a
// mark that was set in between. If that was before the exchange, the migration notices it and
// goes back; if not, path leads to another store by now.
func CheckEnd(mode fs.FileMode, path string, self *os.File) error {
	if IsMark(mode) || !leadsTo(path, self) {
		return ErrUnderway
	}
	return nil
}

// leadsTo trusts that path leads to self unless it is missing or leads elsewhere.
func leadsTo(path string, self *os.File) bool {
	there, err := os.Stat(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	here, err := self.Stat()
	return err != nil || os.SameFile(there, here)
}

var errUnmarked = errors.New("the file system does not keep the mode that marks a store as replaced")

// mark marks a store as replaced, durably. The caller has locked it.
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

// setMark returns errUnmarked also if the file system rejects the bit: vfat has no such mode.
func setMark(f *os.File, info fs.FileInfo) error {
	if err := f.Chmod(info.Mode()&^writeBits | markBit); errors.Is(err, fs.ErrPermission) {
		return errUnmarked
	} else if err != nil {
		return err
	}
	// Without the right to set the bit, or support for it, chmod can ignore it.
	now, err := f.Stat()
	if err == nil && !Marked(now) {
		err = errUnmarked
	}
	return err
}

// Unmark removes the mark, durably. The caller has locked the store.
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

// lockOf returns the path of the locked file of the store at path, which info describes.
func lockOf(path string, info fs.FileInfo) string {
	if info.IsDir() {
		return filepath.Join(path, StoreLock)
	}
	return path
}

// openLock opens the locked file of the store in the place, which old describes.
func (p Place) openLock(old fs.FileInfo) (*os.File, error) {
	f, err := os.OpenFile(lockOf(p.path, old), os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	if err := p.checkSame(p.path, old); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
