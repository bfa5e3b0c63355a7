package migrate

import (
	"context"
	"errors"
	"fmt"
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
}

func (s successor) path() string { return s.place.Staged(s.kind == config.Files) }

// build makes the store aside, with the content given, and reads it back. The sum of
// what was written is asked for once it has been.
func (s successor) build(ctx context.Context, c backend.Content, written func() sum) error {
	if err := s.place.MakeDir(); err != nil {
		return err
	}
	if err := stores.Create(s.path(), s.kind, c); err != nil {
		return err
	}
	err := s.compare(ctx, written())
	if err != nil {
		err = errors.Join(err, s.drop())
	}
	return err
}

func (s successor) compare(ctx context.Context, want sum) error {
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
func (s successor) drop() error { return os.RemoveAll(s.path()) }

// takeOver puts the store in the place of the other, whose lock the caller holds. If it
// cannot, what was built is removed.
func (s successor) takeOver(aside string) error {
	err := s.locked(func() error { return s.place.Swap(s.path(), aside) })
	if err == nil {
		return nil
	}
	_, cleanErr := s.place.CleanUp(aside)
	return errors.Join(err, cleanErr)
}

// locked calls fn, which puts the store in its place, under the lock of the store:
// whoever finds it there has to wait until that is durable.
func (s successor) locked(fn func() error) error {
	store, err := stores.OpenChecked(s.path(), s.kind)
	if err != nil {
		return err
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.lockTimeout)
	defer cancel()
	return store.Update(ctx, func(backend.Tx) error { return fn() })
}
