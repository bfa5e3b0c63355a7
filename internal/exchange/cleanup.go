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
	for _, dir := range []bool{true, false} {
		info, err := os.Lstat(p.Staged(dir))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return setAside, err
		case dir && info.IsDir(), !dir && info.Mode().IsRegular(): // as it is built
			if err := os.RemoveAll(p.Staged(dir)); err != nil {
				return setAside, err
			}
		default: // It has been exchanged.
			if err := errors.Join(durable.RenameNew(p.Staged(dir), aside), p.sync()); err != nil {
				return setAside, err
			}
			setAside = true
		}
	}
	return setAside, errors.Join(p.cleanUpLinks(), p.cleanUpWaiting())
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
		} else if left {
			return p.arrived(old + next)
		}
		if err := os.RemoveAll(old + next); err != nil {
			return err
		}
	}
	return nil
}
