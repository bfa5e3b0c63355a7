package stores

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
)

// FollowOften is Follow for many transactions: all pages of a bolt store are checked before the
// first one, and later only those in use, as by a plugin. Checking all of them each time would
// take longer than a transaction with hundreds of leases.
func FollowOften(path string) backend.Store {
	return &checkedOnce{first: Follow(path), then: &following{path: path}}
}

// Glance is Read for a look at a few leases, whatever the size of the store: only the pages that it
// uses are checked, as by a plugin.
func Glance(path string) backend.Store { return glance(path) }

func glance(path string) *following {
	return &following{path, options{bolt: []bolt.Option{bolt.ReadReplaced()}, files: []files.Option{files.ReadReplaced()}}}
}

// ReadOften is Read for many transactions, as FollowOften is Follow.
func ReadOften(path string) backend.Store {
	return &checkedOnce{first: Read(path), then: glance(path)}
}

// A checkedOnce store uses first until a transaction has begun, and then the store then.
type checkedOnce struct {
	first, then backend.Store
	sound       atomic.Bool
}

func (s *checkedOnce) store() backend.Store {
	if s.sound.Load() {
		return s.then
	}
	return s.first
}

// View implements [backend.Store].
func (s *checkedOnce) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	return s.store().View(ctx, func(tx backend.ReadTx) error {
		s.sound.Store(true)
		return fn(tx)
	})
}

// Update implements [backend.Store].
func (s *checkedOnce) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.store().Update(ctx, func(tx backend.Tx) error {
		s.sound.Store(true)
		return fn(tx)
	})
}

// Close implements [backend.Store]. There is nothing to close between operations.
func (s *checkedOnce) Close() error { return nil }

// Patient returns a store whose transactions each wait that long for the lock. One deadline for
// all of them would end a long operation that never had to wait.
func Patient(store backend.Store, wait time.Duration) backend.Store {
	return patient{store, wait}
}

type patient struct {
	backend.Store
	wait time.Duration
}

// View implements [backend.Store].
func (p patient) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	return p.Store.View(ctx, fn)
}

// Update implements [backend.Store].
func (p patient) Update(ctx context.Context, fn func(backend.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	return p.Store.Update(ctx, fn)
}
