package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/internal/durable"
)

// CleanUp finishes an interrupted [Place.Swap]: it removes new stores that never replaced the
// old one, and if an old store was replaced but not renamed yet, gives it the name backup. It
// reports whether it did that.
//
// The caller holds [Place.Lock], and the lock of the store in the place if there is one.
func (p Place) CleanUp(backup string) (setAside bool, err error) {
	entries, err := p.entries()
	if err != nil {
		return false, err
	}
	from, to := p.probes()
	for _, path := range []string{p.pathFor(copyEnding), p.pathFor(prunedEnding), p.pathFor(probeEnding + "2"), from, to} {
		if err := os.RemoveAll(path); err != nil {
			return false, err
		}
	}
	for _, name := range entries {
		path := filepath.Join(p.Dir(), name)
		if dir, ok := p.isStaged(name); ok {
			was, err := p.cleanUpStaged(path, dir, backup)
			setAside = setAside || was
			if err != nil {
				return setAside, err
			}
		}
	}
	return setAside, errors.Join(p.cleanUpLinks(), p.cleanUpWaiting())
}

// cleanUpStaged removes a store that was built at path, or keeps the old store that was
// exchanged with it as a backup. It reports whether it did that.
func (p Place) cleanUpStaged(path string, dir bool, backup string) (setAside bool, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, ignoreNotExist(err)
	}
	if isBuilt(info, dir) {
		return false, os.RemoveAll(path)
	}
	return true, p.setAside(path, info, backup)
}

// setAside renames the replaced store at path.
func (p Place) setAside(path string, info fs.FileInfo, backup string) error {
	if info.IsDir() {
		if err := bar(path); err != nil {
			return err
		}
	}
	return errors.Join(durable.RenameNew(path, backup), p.sync())
}

// cleanUpLinks removes the second name of a file that was linked in order to be replaced, and
// was not.
func (p Place) cleanUpLinks() error {
	here, err := p.Stat()
	if err != nil || here == nil {
		return err
	}
	names, err := p.backupNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(p.Dir(), name)
		there, err := os.Lstat(path)
		if err == nil && os.SameFile(here, there) {
			err = os.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cleanUpWaiting removes new stores whose predecessors still have their place.
func (p Place) cleanUpWaiting() error {
	olds, err := p.replacedPaths()
	if err != nil {
		return err
	}
	for _, old := range olds {
		if left, err := exists(os.Lstat, old); err != nil {
			return err
		} else if left && !p.isInPlace(old+nextEnding) {
			return p.checkMoved(old + nextEnding)
		}
		if err := os.RemoveAll(old + nextEnding); err != nil {
			return err
		}
	}
	return nil
}
