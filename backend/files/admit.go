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

// admit makes sure that the locked directory is the store of the network: another store
// can have taken its place, and the path lead here through another mount. It is false if
// the directory gave way to that store. For a View that costs nothing, nor for an Update
// of a store that was left clean.
func (d *dir) admit(ctx context.Context, write, evenReplaced bool) (ok bool, err error) {
	if d.lock == nil {
		return true, nil // A View of a directory without one.
	}
	marked := exchange.Marked(d.locked)
	if !marked && (!write || durable.IsSettled(d.locked)) {
		return true, nil
	}
	place := exchange.At(d.path)
	state, err := place.State(d.locked)
	switch {
	case err != nil:
		return false, err
	case state == exchange.Replaced && (write || !evenReplaced):
		return false, d.replaced()
	case state == exchange.Unfinished && write:
		return true, d.fail("take into use", lockName, exchange.Unmark(d.lock))
	case state == exchange.Left && write:
		return false, place.GiveWay(d.root, marked)
	case state == exchange.Left:
		return d.admitExclusive(ctx)
	}
	// What was not found to wait can have arrived.
	return d.current()
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

// without returns what to do without a lock file: to try again, if the directory was
// removed or replaced just now.
func (d *dir) without(err error) error {
	gone := errors.Is(err, fs.ErrNotExist)
	if !gone && !errors.Is(err, syscall.EISDIR) {
		return noSpace(err)
	}
	if here, currentErr := d.isHere(); currentErr != nil || !here {
		return currentErr
	}
	if gone {
		return err
	}
	return d.replaced() // See exchange.Marked.
}

func (d *dir) replaced() error { return fmt.Errorf("%s: %w", d.path, backend.ErrReplaced) }
