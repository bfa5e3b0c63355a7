package exchange

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/leasehold/leasehold/internal/flock"
)

// A State is what happened to a locked store in the place.
type State int

const (
	// InUse: it is the store of the network.
	InUse State = iota

	// Unfinished: it is the store of the network, but is marked as replaced. A process was
	// killed that had built a successor and not put it in place yet: see [Place.TakeIntoUse].
	Unfinished

	// Replaced: another store has replaced it, and this path leads to the old one.
	Replaced

	// MustGiveWay: the store of the network waits for the place, and this one was being
	// removed, or was made there meanwhile: see [Place.GiveWay].
	MustGiveWay
)

// State returns the state of the store whose locked file is described. Only a store that is
// marked ([Marked]) or not clean needs to call it.
func (p Place) State(locked fs.FileInfo) (State, error) {
	waiting, err := p.waiting()
	switch {
	case err != nil:
		return InUse, err
	case waiting != "":
		return MustGiveWay, nil
	case !Marked(locked):
		return InUse, nil
	}
	staged, err := p.hasSuccessor(locked)
	if staged || err != nil {
		return Unfinished, err
	}
	return Replaced, nil
}

// Replaced reports whether the store in the place was replaced, as far as that is known without
// its lock.
func (p Place) Replaced() (bool, error) {
	info, err := p.Stat()
	if info == nil || err != nil {
		return false, err
	}
	locked, err := os.Lstat(storeLockOf(p.path, info))
	if err != nil || !Marked(locked) {
		return false, ignoreNotExist(err)
	}
	state, err := p.State(locked)
	return state == Replaced, err
}

// hasSuccessor reports whether a store was built to replace this one, and has not replaced it
// yet.
func (p Place) hasSuccessor(locked fs.FileInfo) (bool, error) {
	for _, dir := range []bool{true, false} {
		info, err := os.Lstat(p.Staged(dir, locked))
		if err == nil && isBuilt(info, dir) {
			return true, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	olds, err := p.replacedPaths()
	if err != nil {
		return false, err
	}
	for _, old := range olds {
		if left, err := exists(os.Lstat, old); !left {
			return err == nil, err // The old store is still in the place.
		}
	}
	return false, nil
}

// isBuilt reports whether the file or directory at a path of [Place.Staged] is a new store.
// After an exchange, that path holds the store that was replaced.
func isBuilt(info fs.FileInfo, dir bool) bool {
	if dir {
		return info.IsDir()
	}
	return info.Mode().IsRegular() && !Marked(info)
}

// GiveWay removes a directory from the place, for the store that waits for it. The caller has
// locked [StoreLock] in root, which is the directory. Unless the directory is marked, or
// contains nothing but that file, leases were made there, and it stays.
//
// A directory that has left the place since is the backup: a program whose lock is not ours
// renamed it. It stays, too.
func (p Place) GiveWay(root *os.Root, marked bool) error {
	if backup, err := p.becameBackup(root); backup || err != nil || p.isOther(root) {
		return err
	}
	if !marked {
		if alone, err := hasOnlyLock(root); err != nil {
			return err
		} else if !alone {
			return p.CheckBlocked()
		}
	}
	for tried := 0; ; tried++ {
		if err := emptyDir(root); err != nil {
			return err
		}
		// Removing it by its path spares a file, and a directory that is not empty.
		err := syscall.Rmdir(p.path)
		if err == nil || !errors.Is(err, fs.ErrExist) || p.isOther(root) {
			return p.ignoreRace(err)
		}
		if tried == maxTries {
			return &fs.PathError{Op: "rmdir", Path: p.path, Err: err}
		}
		// A process has just made a new lock file. Once it has the lock, it will give way, too.
		time.Sleep(time.Duration(tried) * time.Millisecond)
	}
}

// ignoreRace ignores the error if another process has removed or replaced the directory.
func (p Place) ignoreRace(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return &fs.PathError{Op: "rmdir", Path: p.path, Err: err}
}

// isOther reports whether something other than root is in the place.
func (p Place) isOther(root *os.Root) bool {
	here, err := os.Lstat(p.path)
	if err != nil {
		return true
	}
	self, err := root.Stat(".")
	return err != nil || !os.SameFile(here, self)
}

// becameBackup reports whether root is a backup. FUSE can show a name for a while after a directory
// has lost it, so the path of the place alone does not tell.
func (p Place) becameBackup(root *os.Root) (bool, error) {
	self, err := root.Stat(".")
	if err != nil {
		return false, err
	}
	names, err := p.backupNames()
	for _, name := range names {
		if info, err := os.Lstat(filepath.Join(p.Dir(), name)); err == nil && os.SameFile(info, self) {
			return true, nil
		}
	}
	return false, err
}

func hasOnlyLock(root *os.Root) (bool, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	return err == nil && (len(entries) == 0 || len(entries) == 1 && entries[0].Name() == StoreLock), err
}

// emptyDir removes everything in a directory, the locked file last: a process that makes a new
// lock file then finds nothing else in the directory, and lets it give way, too.
func emptyDir(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == StoreLock {
			continue
		}
		if err := root.RemoveAll(e.Name()); err != nil {
			return err
		}
	}
	return ignoreNotExist(root.Remove(StoreLock))
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// TakeBack removes the mark of a replaced store in the place, so that it is used again, and
// reports whether it was marked. It waits for the lock until ctx ends.
func (p Place) TakeBack(ctx context.Context) (bool, error) {
	f, info, err := p.lockReplaced(ctx)
	if f == nil || err != nil {
		return false, err
	}
	defer f.Close() // It only holds the lock.
	if info.IsDir() {
		if err := unbar(p.path); err != nil {
			return false, err
		}
	}
	return true, Unmark(f)
}

// lockReplaced locks the store in the place, and returns nil if it was not replaced.
func (p Place) lockReplaced(ctx context.Context) (*os.File, fs.FileInfo, error) {
	info, err := os.Lstat(p.path)
	if err != nil {
		return nil, nil, err
	}
	path, flag := storeLockOf(p.path, info), os.O_RDONLY
	lock, err := os.Lstat(path)
	if err != nil {
		return nil, nil, err
	}
	barred := lock.IsDir()
	if barred {
		path, flag = filepath.Join(p.path, MovedLock), flag|os.O_CREATE // A copy can lack it.
	}
	f, err := openRegular(path, flag, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := flock.Exclusive(ctx, f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err) // The goroutine that waits for the lock closes f.
	}
	locked, err := f.Stat()
	if err == nil {
		err = p.checkSame(p.path, info)
	}
	state := InUse
	if err == nil {
		state, err = p.State(locked)
	}
	if state == InUse && barred {
		state = Replaced // A copy can lack the mark of the file, but has the directory.
	}
	if err != nil || state != Replaced {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}
