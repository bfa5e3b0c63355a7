package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/leasehold/leasehold/internal/durable"
)

// A ChangedError says that a store was changed while locked, by a process with another lock: it
// uses another mount of a file system that does not share locks between mounts (FUSE), or takes
// no lock at all.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s was changed while it was locked, by a process that does not share its lock; nothing was moved", e.Path)
}

// watchMargin is longer than the resolution of times on any file system; FAT has two seconds.
const watchMargin = time.Minute

// Watch describes the store in the place, nil if there is none, so that a later [Place.Swap]
// notices whether it was changed since. The caller has locked it, and calls Watch before
// reading it. A change of a store changes the modification time of its directory or file. To
// notice a change within the same tick of the clock, too, Watch sets a recent time back.
func (p Place) Watch() (fs.FileInfo, error) {
	info, err := p.Stat()
	if info == nil || err != nil {
		return info, err
	}
	if err := copyUp(storeLockOf(p.path, info)); err != nil {
		return nil, err
	}
	if info, err = p.Stat(); info == nil || err != nil || time.Since(info.ModTime()) > watchMargin {
		return info, err
	}
	at := time.Now().Add(-watchMargin)
	if err := os.Chtimes(p.path, at, at); err != nil {
		return info, nil // Without permission to set it, a change within the same tick is missed.
	}
	// The name of a bolt store's successor contains this time. If a power cut undid the time, but
	// not the mark, the store would pass for a replaced one.
	if !info.IsDir() {
		if err := syncFile(p.path); err != nil {
			return nil, err
		}
	}
	return p.Stat()
}

func syncFile(path string) error {
	f, err := openRegular(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// copyUp makes an overlay copy the locked file to its upper layer, as marking it will do.
// fuse-overlayfs changes the time of the directory when it does that.
func copyUp(locked string) error {
	info, err := os.Lstat(locked)
	if err != nil || !info.Mode().IsRegular() {
		return ignoreNotExist(err)
	}
	err = os.Chmod(locked, info.Mode())
	if errors.Is(err, fs.ErrPermission) {
		return nil // Then it cannot be marked, either.
	}
	return err
}

// Unchanged returns a [ChangedError] if the store in the place was changed since it was
// described. The caller has held its lock since.
func (p Place) Unchanged(since fs.FileInfo) error {
	now, err := durable.FreshModTime(p.path)
	if err == nil && !now.Equal(since.ModTime()) {
		err = &ChangedError{p.path}
	}
	return err
}

// setChecks sets the functions that notice whether another process, without the lock, has
// changed the old store, or is changing it.
func (s *Swap) setChecks(p Place, locked *os.File, marked bool) {
	s.checkUnchanged = func() error {
		if err := p.Unchanged(s.Old); err != nil {
			return err
		}
		return s.checkMarked()
	}
	// A process that checked the mark just before it was set, and changes the mode of the file
	// just after, removes it.
	s.checkMarked = func() error {
		if !marked {
			return nil
		}
		mode, err := durable.FreshMode(locked)
		if err == nil && !mode.IsDir() && !IsMark(mode) {
			err = &ChangedError{p.path}
		}
		return err
	}
}
