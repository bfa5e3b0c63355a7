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
	old         fs.FileInfo // what stands in the place; nil if nothing does
	aside       string      // where that will be kept
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
// lockPlace, and after that has locked what stands there.
func newSuccessor(place exchange.Place, kind string, lockTimeout time.Duration) (*successor, error) {
	old, err := place.Standing()
	if err != nil {
		return nil, err
	}
	return &successor{place: place, kind: kind, lockTimeout: lockTimeout, old: old}, nil
}

// cleanUp finishes what others have left unfinished, and returns the path of what it
// has set aside, if there was something.
func (s *successor) cleanUp(reason string, now time.Time) (kept string, err error) {
	s.aside = s.place.Aside(reason, now)
	setAside, err := s.place.CleanUp(s.aside)
	if setAside {
		kept, s.aside = s.aside, s.place.Aside(reason, now.Add(time.Millisecond)) // a name for each
	}
	return kept, err
}

func (s *successor) path() string { return s.place.Staged(s.kind == config.Files) }

// build makes the store aside, with the content given, and reads it back. The sum of
// what was written is asked for once it has been.
func (s *successor) build(ctx context.Context, c backend.Content, written func() sum) error {
	if err := stores.Create(s.path(), s.kind, c); err != nil {
		return err
	}
	err := s.compare(ctx, written())
	if err != nil {
		err = errors.Join(err, s.drop())
	}
	return err
}

func (s *successor) compare(ctx context.Context, want sum) error {
	store, err := stores.OpenChecked(s.path(), s.kind)
	if err != nil {
		return err
	}
	defer store.Close()
	got, err := sumOf(ctx, store)
	if err == nil && got != want {
		err = fmt.Errorf("%s: what is read back is not what was written: %v, want %v; nothing was changed", s.path(), got, want)
	}
	return err
}

// drop removes the store.
func (s *successor) drop() error { return os.RemoveAll(s.path()) }

// takeOver puts the store in the place of the other. If it cannot, what was built is
// removed.
func (s *successor) takeOver() error {
	err := s.locked(func() error { return s.place.Swap(s.path(), s.aside, s.old) })
	if err == nil {
		return nil
	}
	_, cleanErr := s.place.CleanUp(s.aside)
	return errors.Join(err, cleanErr)
}

// settle puts the store in its place, which is vacant.
func (s *successor) settle() error {
	return s.locked(func() error { return s.place.Settle(s.path()) })
}

// locked calls fn, which puts the store in its place, under the lock of the store:
// whoever finds it there has to wait until that is durable.
func (s *successor) locked(fn func() error) error {
	if _, err := os.Lstat(s.path()); err != nil {
		return err // An Update would make an empty store.
	}
	store, err := stores.OpenChecked(s.path(), s.kind)
	if err != nil {
		return err
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.lockTimeout)
	defer cancel()
	return store.Update(ctx, func(backend.Tx) error { return fn() })
}
