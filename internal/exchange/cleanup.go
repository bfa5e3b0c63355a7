package exchange

import (
	"errors"
	"io/fs"
	"os"

	"github.com/leasehold/leasehold/internal/durable"
)

// CleanUp finishes what an interrupted [Place.Swap] has left unfinished: stores that
// never came to the place are removed, and the one that has left it, but has
// not got its name yet, gets the name aside. It reports whether there was such a one.
//
// The caller holds the lock of the store that is in the place.
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
	return setAside, p.cleanUpWaiting()
}

// cleanUpWaiting removes stores that wait for the place while what they were to
// replace has not left.
func (p Place) cleanUpWaiting() error {
	olds, err := p.replaced()
	if err != nil {
		return err
	}
	for _, old := range olds {
		if _, err := os.Lstat(old); err == nil {
			return p.arrived(old + next)
		}
		if err := os.RemoveAll(old + next); err != nil {
			return err
		}
	}
	return nil
}
