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
	"github.com/leasehold/leasehold/internal/owner"
	"github.com/leasehold/leasehold/internal/stores"
)

// A successor is a new store that will replace another.
type successor struct {
	place       exchange.Place
	kind        string
	lockTimeout time.Duration
	old         fs.FileInfo // the store in the place; nil if there is none
	staged      string      // path at which the new store is built
	built       fs.FileInfo // the new store
	backup      string      // path for the old store
	unmarked    error       // why the old store is not marked as replaced
}

// A BusyError says that another program was making a store for this network for longer than
// LockTimeout. It is a [backend.ErrBusy], but plugins do not wait for this lock.
type BusyError struct {
	Lock string // path of the locked file
	err  error
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s: %v (%v)", e.Lock, backend.ErrBusy, e.err)
}

// Unwrap returns [backend.ErrBusy] and the error of the context.
func (e *BusyError) Unwrap() []error { return []error{backend.ErrBusy, e.err} }

// lockPlace waits until no other program makes a successor for the store in the place. The
// caller must not hold the lock of that store, because plugins would wait as well.
func lockPlace(ctx context.Context, place exchange.Place) (unlock func(), err error) {
	unlock, err = place.Lock(ctx)
	if e := (*exchange.LockError)(nil); errors.As(err, &e) {
		err = &BusyError{e.Path, e.Err}
	}
	return unlock, err
}

// newSuccessor returns a successor for the store in the place. The caller has called lockPlace
// and then locked that store, and has not read it yet, or knows that it was not changed since.
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

// cleanUp finishes an interrupted migration, and returns the path of the backup that it has
// made, if any.
func (s *successor) cleanUp(reason string, now time.Time) (kept string, err error) {
	s.backup = s.place.BackupPath(reason, now)
	setAside, err := s.place.CleanUp(s.backup)
	if setAside {
		kept, s.backup = s.backup, s.place.BackupPath(reason, now.Add(time.Millisecond)) // another name
	}
	return kept, err
}

// build makes the new store.
func (s *successor) build(c backend.Content) error {
	err := stores.Create(s.staged, s.kind, c)
	if err == nil && s.old != nil {
		err = owner.Like(s.staged, s.old)
	}
	if err == nil {
		s.built, err = os.Lstat(s.staged)
	}
	return err
}

// drop removes the new store.
func (s *successor) drop() error { return os.RemoveAll(s.staged) }

// takeOver replaces the old store, once the new one was read back and compared. If that fails,
// it removes the new store.
func (s *successor) takeOver(ctx context.Context, want fingerprint) error {
	err := s.ifIdentical(ctx, want, func() (err error) {
		s.unmarked, err = s.place.Swap(exchange.Swap{Staged: s.staged, Built: s.built, Old: s.old, Backup: s.backup})
		return err
	})
	if err == nil || errors.Is(err, exchange.ErrMarked) || errors.Is(err, exchange.ErrInPlace) {
		return err
	}
	_, cleanErr := s.place.CleanUp(s.backup)
	return errors.Join(err, cleanErr)
}

// putNew moves the new store into the empty place, once it was read back and compared.
func (s *successor) putNew(ctx context.Context, want fingerprint) error {
	return s.ifIdentical(ctx, want, func() error { return s.place.PutNew(s.staged, s.built) })
}

// ifIdentical calls fn, which moves the new store into the place, if the store has the wanted
// fingerprint. All of that happens under the lock of the new store: it cannot change after it
// was compared, and a process that finds it in the place waits until that is durable.
func (s *successor) ifIdentical(ctx context.Context, want fingerprint, fn func() error) error {
	store := stores.OpenBuilt(s.staged, s.kind)
	defer store.Close() // The Update has returned its own error.
	waiting, cancel := context.WithTimeout(ctx, s.lockTimeout)
	defer cancel()
	return store.Update(waiting, func(tx backend.Tx) error {
		got, err := fingerprintOf(tx)
		if err != nil {
			return err
		}
		if s.kind == config.Files {
			got.boots, got.memory = want.boots, want.memory // A files store does not keep them.
		}
		if got != want {
			return fmt.Errorf("%s: verification failed: read back %v, wrote %v; nothing was changed", s.staged, got, want)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the migration was stopped: %w", context.Cause(ctx))
		}
		return fn()
	})
}
