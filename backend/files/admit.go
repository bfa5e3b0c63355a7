package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
)

// admit checks that the locked directory is still the store of the network: another store can
// have replaced it, and the path can lead here through another mount. It returns false if the
// directory gave way to that store. For a clean store, the mode of the lock file is all that
// has to be looked at.
func (d *dir) admit(ctx context.Context, write, evenReplaced bool) (ok bool, err error) {
	if d.lock == nil {
		return d.admitUnlocked(ctx)
	}
	marked := exchange.Marked(d.locked)
	if !marked && durable.IsClean(d.locked) {
		return true, nil
	}
	place := exchange.At(d.path)
	state, err := place.State(d.locked)
	switch {
	case err != nil:
		return false, err
	case state == exchange.Replaced && (write || !evenReplaced):
		return false, d.replacedError()
	case state == exchange.Unfinished && write:
		return true, d.fail("take into use", "", place.TakeIntoUse(d.self, d.lock))
	case state == exchange.MustGiveWay && write:
		return false, place.GiveWay(d.root, marked)
	case state == exchange.MustGiveWay:
		ok, err := d.admitExclusive(ctx)
		if blocked := (*exchange.BlockedError)(nil); evenReplaced && errors.As(err, &blocked) {
			return true, nil // Reading it does no harm.
		}
		return ok, err
	}
	// A waiting store that was not found can have been moved into place meanwhile.
	return d.current()
}

// admitUnlocked is admit for a View of a directory without a lock file: a copy, or a directory
// that a killed process was removing.
func (d *dir) admitUnlocked(ctx context.Context) (ok bool, err error) {
	waiting, err := exchange.At(d.path).Blocked()
	if err != nil || waiting == "" {
		return err == nil, err
	}
	if err := d.openLock(true); err != nil {
		return false, d.withoutLock(err)
	}
	return d.admitExclusive(ctx)
}

// admitExclusive is admit for a View of a directory that has to give way.
func (d *dir) admitExclusive(ctx context.Context) (ok bool, err error) {
	if err := d.acquire(ctx, true); err != nil {
		return false, err
	}
	if ok, err := d.current(); err != nil || !ok {
		return false, err
	}
	return d.admit(ctx, true, false)
}

// withoutLock returns what to do if there is no lock file: return nil, to try again, if the
// directory was replaced just now. If it was not, and no file can be created in it, it was
// removed and is seen through another mount.
func (d *dir) withoutLock(err error) error {
	gone := errors.Is(err, fs.ErrNotExist)
	if !gone && !errors.Is(err, syscall.EISDIR) { // A directory instead of the lock file is a mark: see exchange.Marked.
		return noSpace(err)
	}
	if here, hereErr := d.isAtPath(); hereErr != nil || !here {
		return hereErr
	}
	if gone {
		return fmt.Errorf("%w (%w)", d.replacedError(), err)
	}
	return d.replacedError()
}

func (d *dir) replacedError() error { return fmt.Errorf("%s: %w", d.path, backend.ErrReplaced) }
