// Package memory keeps leases in the memory of one process.
//
// It is the fake for tests of whatever is built on a [backend.Store]: it keeps
// every field of a lease, passes the same suite as the stores on disk, and needs
// neither a directory nor clean-up. What it holds ends with the process; two
// Stores share nothing.
//
// # Caveats
//
// A call that waits for the lock can be overtaken by later ones. Views that
// follow each other without a pause can keep an Update waiting until its context
// ends.
package memory

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/leasehold/leasehold/backend"
)

// A Store holds the leases of one network. Use [New] to make one.
type Store struct {
	lock   *rwLock
	closed atomic.Bool
	data   *data
}

var _ backend.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{lock: newRWLock(), data: newData()}
}

// View implements [backend.Store]. Views run side by side.
func (s *Store) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	unlock, err := s.acquire(ctx, s.lock.shared)
	if err != nil {
		return err
	}
	defer unlock()
	tx := &readTx{data: s.data}
	defer tx.end()
	return fn(tx)
}

// Update implements [backend.Store].
func (s *Store) Update(ctx context.Context, fn func(backend.Tx) error) error {
	unlock, err := s.acquire(ctx, s.lock.exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	t := &tx{readTx: readTx{data: s.data}}
	// Deferred, and not after a recover, so that fn's panic goes on with its
	// own stack, and so that runtime.Goexit is no commit either.
	defer t.end()
	if err := fn(t); err != nil {
		return err
	}
	t.commit()
	return nil
}

// Close implements [backend.Store].
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

// Tear makes addr a lease of the zero Owner, in place of the one that is there,
// if any. No transaction can write such a lease: it is what a crash of the stock
// plugin leaves, and tests of how that is treated need one. Tear waits for
// transactions under way.
func (s *Store) Tear(addr netip.Addr) error {
	if err := backend.CheckAddr(addr); err != nil {
		return err
	}
	unlock, err := s.acquire(context.Background(), s.lock.exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	s.data.remove(addr)
	s.data.insert(backend.Lease{Addr: addr})
	return nil
}

// acquire answers for a closed store at once, even while its lock is held. A
// call that waited when the store was closed is under way and goes on.
func (s *Store) acquire(ctx context.Context, lock func(context.Context) (func(), error)) (unlock func(), err error) {
	if s.closed.Load() {
		return nil, backend.ErrClosed
	}
	return lock(ctx)
}
