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

// A State is what has become of a store that is in the place, and locked.
type State int

const (
	// InUse: it is the store of the network.
	InUse State = iota

	// Unfinished: it is the store of the network, and says that it was replaced. A
	// process was killed that had built a successor and not yet put it in place: see
	// [Unmark].
	Unfinished

	// Replaced: another store took its place, and this path leads to the old one.
	Replaced

	// Left: the store of the network waits for the place, and this is what a process
	// was removing, or what another made there meanwhile: see [Place.GiveWay].
	Left
)

// State returns what has become of the store whose locked file is described. It has to be
// asked only if the store says that it was replaced ([Marked]), or if it may be new: if it
// was not left clean.
func (p Place) State(locked fs.FileInfo) (State, error) {
	waiting, err := p.waiting()
	switch {
	case err != nil:
		return InUse, err
	case waiting != "":
		return Left, nil
	case !Marked(locked):
		return InUse, nil
	}
	staged, err := p.awaits(locked)
	if staged || err != nil {
		return Unfinished, err
	}
	return Replaced, nil
}

// Replaced reports whether the store in the place was replaced, as far as that can be told
// without its lock.
func (p Place) Replaced() (bool, error) {
	info, err := p.Standing()
	if info == nil || err != nil {
		return false, err
	}
	locked, err := os.Lstat(lockOf(p.path, info))
	if err != nil || !Marked(locked) {
		return false, ignoreNotExist(err)
	}
	state, err := p.State(locked)
	return state == Replaced, err
}

// awaits reports whether a successor of a store is there that has not come to the place,
// nor begun to wait for it.
func (p Place) awaits(locked fs.FileInfo) (bool, error) {
	for _, dir := range []bool{true, false} {
		info, err := os.Lstat(p.Staged(dir, locked))
		if err == nil && asBuilt(info, dir) {
			return true, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	olds, err := p.replaced()
	if err != nil {
		return false, err
	}
	for _, old := range olds {
		if left, err := exists(os.Lstat, old); !left {
			return err == nil, err // What it is to replace has not left.
		}
	}
	return false, nil
}

// asBuilt reports whether what is at a path for a store that is being built is one. What
// has been exchanged is the store that was replaced.
func asBuilt(info fs.FileInfo, dir bool) bool {
	if dir {
		return info.IsDir()
	}
	return info.Mode().IsRegular() && !Marked(info)
}

// GiveWay removes a directory from the place for the store that waits for it. The root is
// the directory, in which the caller has locked [StoreLock]. It must have been marked, or
// hold nothing but that file: otherwise leases were made there, and it stays.
func (p Place) GiveWay(root *os.Root, marked bool) error {
	if !marked {
		if alone, err := holdsOnlyLock(root); err != nil {
			return err
		} else if !alone {
			return p.ErrStranded()
		}
	}
	for tried := 0; ; tried++ {
		if err := empty(root); err != nil {
			return err
		}
		// By its path: a directory that holds something stays, and so does a file.
		err := syscall.Rmdir(p.path)
		if err == nil || !errors.Is(err, fs.ErrExist) || p.isNot(root) {
			return p.gaveWay(err)
		}
		if tried == patience {
			return &fs.PathError{Op: "rmdir", Path: p.path, Err: err}
		}
		// A process has just made the lock anew. When it has it, it finds this out.
		time.Sleep(time.Duration(tried) * time.Millisecond)
	}
}

// gaveWay returns the error of a removal, unless another process was faster.
func (p Place) gaveWay(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return &fs.PathError{Op: "rmdir", Path: p.path, Err: err}
}

// isNot reports whether another directory than root is in the place.
func (p Place) isNot(root *os.Root) bool {
	here, err := os.Lstat(p.path)
	if err != nil {
		return true
	}
	self, err := root.Stat(".")
	return err != nil || !os.SameFile(here, self)
}

func holdsOnlyLock(root *os.Root) (bool, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	return err == nil && (len(entries) == 0 || len(entries) == 1 && entries[0].Name() == StoreLock), err
}

// empty removes what is in a directory, and last the file that is locked: a process that
// makes it anew finds that the directory has to give way, and asks only then.
func empty(root *os.Root) error {
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

// TakeBack takes the store in the place into use again although it was replaced, and
// reports whether it was. It waits for its lock until ctx ends.
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
	path := lockOf(p.path, info)
	if moved := filepath.Join(p.path, MovedLock); info.IsDir() {
		if there, err := os.Lstat(moved); err == nil && there.Mode().IsRegular() {
			path = moved
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := flock.Exclusive(ctx, f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err) // f may be the waiter's
	}
	locked, err := f.Stat()
	if err == nil {
		err = p.still(p.path, info)
	}
	state := InUse
	if err == nil {
		state, err = p.State(locked)
	}
	if err != nil || state != Replaced {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}
