package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/leasehold/leasehold/internal/durable"
)

// A ChangedError says that a store was changed while its lock was held. The process that did
// has another lock: it uses another mount of a file system that keeps the locks of each mount
// to itself (FUSE), or no lock at all.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s was changed while it was locked, by a process that does not share its lock; nothing was moved", e.Path)
}

// step is longer than the steps in which any file system keeps times: FAT's are of two
// seconds.
const step = time.Minute

// Watch describes the store in the place, nil if there is none, such that a later
// [Place.Swap] sees whether it was changed since. The caller has locked it, and calls Watch
// before it reads it. What changes a store changes the time of its directory, or file; so
// that a change within the same tick of the clock shows, one that was changed just now gets
// an earlier time.
func (p Place) Watch() (fs.FileInfo, error) {
	info, err := p.Standing()
	if info == nil || err != nil {
		return info, err
	}
	if err := copyUp(lockOf(p.path, info)); err != nil {
		return nil, err
	}
	if info, err = p.Standing(); info == nil || err != nil || time.Since(info.ModTime()) > step {
		return info, err
	}
	at := time.Now().Add(-step)
	if err := os.Chtimes(p.path, at, at); err != nil {
		return info, nil // Without the right to set it, a change in the same tick is missed.
	}
	return p.Standing()
}

// copyUp has an overlay copy the file that is locked to its upper layer, as the mark will.
// fuse-overlayfs changes the time of the directory when it does that.
func copyUp(locked string) error {
	info, err := os.Lstat(locked)
	if err != nil || !info.Mode().IsRegular() {
		return ignoreNotExist(err)
	}
	err = os.Chmod(locked, info.Mode())
	if errors.Is(err, fs.ErrPermission) {
		return nil // The mark is not set, either.
	}
	return err
}

// Unchanged returns a [ChangedError] if the store in the place was changed since it was
// described, under its lock.
func (p Place) Unchanged(since fs.FileInfo) error {
	now, err := durable.FreshModTime(p.path)
	if err == nil && !now.Equal(since.ModTime()) {
		err = &ChangedError{p.path}
	}
	return err
}

// watch sets what tells that the store that leaves was changed, or is being changed, by
// another process than the one that holds the lock.
func (s *Swap) watch(p Place, locked *os.File, marked bool) {
	s.unchanged = func() error {
		if err := p.Unchanged(s.Old); err != nil {
			return err
		}
		return s.marked()
	}
	// A process that had looked for the mark just before it was set, and changes the mode of
	// the file just after, takes it away.
	s.marked = func() error {
		if !marked {
			return nil
		}
		info, err := locked.Stat()
		if err == nil && !Marked(info) {
			err = &ChangedError{p.path}
		}
		return err
	}
}
