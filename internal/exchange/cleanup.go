package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/internal/durable"
)

// CleanUp finishes what an interrupted [Place.Swap] has left unfinished: stores that
// never came to the place are removed, and the one that has left it, but has
// not got its name yet, gets the name aside. It reports whether there was such a one.
//
// The caller holds the lock of the store that is in the place, if there is one, and
// that of [Place.Lock].
func (p Place) CleanUp(aside string) (setAside bool, err error) {
	entries, err := p.entries()
	if err != nil {
		return false, err
	}
	from, to := p.probes()
	for _, path := range []string{p.aside(copyDir), p.aside(pruned), p.aside(probe + "2"), from, to} {
		if err := os.RemoveAll(path); err != nil {
			return false, err
		}
	}
	for _, name := range entries {
		path := filepath.Join(p.Dir(), name)
		if dir, ok := p.isStaged(name); ok {
			was, err := p.cleanUpStaged(path, dir, aside)
			setAside = setAside || was
			if err != nil {
				return setAside, err
			}
		}
	}
	return setAside, errors.Join(p.cleanUpLinks(), p.cleanUpWaiting())
}

// cleanUpStaged removes what was built at a path, or gives what was exchanged with it the
// name aside, and reports whether it did that.
func (p Place) cleanUpStaged(path string, dir bool, aside string) (setAside bool, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, ignoreNotExist(err)
	}
	if asBuilt(info, dir) {
		return false, os.RemoveAll(path)
	}
	return true, p.setAside(path, info, aside)
}

// setAside gives the store at path, which was replaced, its name.
func (p Place) setAside(path string, info fs.FileInfo, aside string) error {
	if info.IsDir() {
		if err := bar(path); err != nil {
			return err
		}
	}
	return errors.Join(durable.RenameNew(path, aside), p.sync())
}

// cleanUpLinks removes the second name that a file has got before it lost its place,
// if it did not lose it.
func (p Place) cleanUpLinks() error {
	here, err := p.Standing()
	if err != nil || here == nil {
		return err
	}
	names, err := p.asides()
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

// cleanUpWaiting removes stores that wait for the place while what they were to
// replace has not left.
func (p Place) cleanUpWaiting() error {
	olds, err := p.replaced()
	if err != nil {
		return err
	}
	for _, old := range olds {
		if left, err := exists(os.Lstat, old); err != nil {
			return err
		} else if left && !p.isThere(old+next) {
			return p.arrived(old + next)
		}
		if err := os.RemoveAll(old + next); err != nil {
			return err
		}
	}
	return nil
}
