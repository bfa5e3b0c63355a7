package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/stores"
)

// A successor is a store that is made to take the place of another.
type successor struct {
	place       exchange.Place
	kind        string
	lockTimeout time.Duration
	old         fs.FileInfo // what is in the place; nil if nothing is
	staged      string      // where the store is built
	built       fs.FileInfo // what was built there
	aside       string      // where the old store will be kept
	unmarked    error       // why the old store does not say that it was replaced
}

// A BusyError says that somebody else puts a store in the place of another, for longer than
// one wanted to wait. It is a [backend.ErrBusy], but plugins are not kept waiting.
type BusyError struct {
	Lock string // the file whose lock they have
	err  error
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s: %v (%v)", e.Lock, backend.ErrBusy, e.err)
}

// Unwrap returns [backend.ErrBusy], and how the wait ended.
func (e *BusyError) Unwrap() []error { return []error{backend.ErrBusy, e.err} }

// lockPlace waits until no other program makes a successor of what is in the place. The
// caller must not hold the lock of the store there: plugins would wait as well.
func lockPlace(ctx context.Context, place exchange.Place) (unlock func(), err error) {
	unlock, err = place.Lock(ctx)
	if e := (*exchange.LockError)(nil); errors.As(err, &e) {
		err = &BusyError{e.Path, e.Err}
	}
	return unlock, err
}

// newSuccessor returns a successor of what stands in the place. The caller has called
// lockPlace, and after that has locked what stands there; it has not read that yet, or it
// knows that it was not changed since.
func newSuccessor(place exchange.Place, kind string, lockTimeout time.Duration) (*successor, error) {
	s := &successor{place: place, kind: kind, lockTimeout: lockTimeout}
	var err error
	if s.old, err = place.Watch(); err == nil {
		s.staged, err = place.StagedFor(kind == config.Files, s.old)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// cleanUp finishes what others have left unfinished, and returns the path of what it
// has set aside, if there was something.
func (s *successor) cleanUp(reason string, now time.Time) (kept string, err error) {
	s.aside = s.place.BackupPath(reason, now)
	setAside, err := s.place.CleanUp(s.aside)
	if setAside {
		kept, s.aside = s.aside, s.place.BackupPath(reason, now.Add(time.Millisecond)) // a name for each
	}
	return kept, err
}

// build makes the store aside, with the content given.
func (s *successor) build(c backend.Content) error {
	err := stores.Create(s.staged, s.kind, c)
	if err == nil {
		s.built, err = os.Lstat(s.staged)
	}
	return err
}

// drop removes the store.
func (s *successor) drop() error { return os.RemoveAll(s.staged) }

// takeOver puts the store in the place of the other, once it has been read back and is
// what was to be written. If it cannot, what was built is removed.
func (s *successor) takeOver(ctx context.Context, want sum) error {
	err := s.compared(ctx, want, func() (err error) {
		s.unmarked, err = s.place.Swap(exchange.Swap{Staged: s.staged, Built: s.built, Old: s.old, Backup: s.aside})
		return err
	})
	if err == nil || errors.Is(err, exchange.ErrMarked) || errors.Is(err, exchange.ErrInPlace) {
		return err
	}
	_, cleanErr := s.place.CleanUp(s.aside)
	return errors.Join(err, cleanErr)
}

// settle puts the store in its place, which is vacant, once it has been read back and is
// what was to be written.
func (s *successor) settle(ctx context.Context, want sum) error {
	return s.compared(ctx, want, func() error { return s.place.PutNew(s.staged, s.built) })
}

// compared calls fn, which puts the store in its place, if it holds what want says. All of
// it happens under the lock of the store: nothing is changed after it was compared, and
// whoever finds it in the place has to wait until that is durable.
func (s *successor) compared(ctx context.Context, want sum, fn func() error) error {
	store := stores.OpenBuilt(s.staged, s.kind)
	defer store.Close()
	waiting, cancel := context.WithTimeout(ctx, s.lockTimeout)
	defer cancel()
	return store.Update(waiting, func(tx backend.Tx) error {
		got, err := sumIn(tx)
		if err != nil {
			return err
		}
		if s.kind == config.Files {
			got.boots = want.boots // which it does not keep
		}
		if got != want {
			return fmt.Errorf("%s: what is read back is not what was written: %v, want %v; nothing was changed", s.staged, got, want)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the migration was stopped: %w", context.Cause(ctx))
		}
		return fn()
	})
}
