// Package memory stores leases in the memory of one process.
//
// It is the fake for tests of code that uses a [backend.Store]: it keeps every field of a
// lease, passes the same test suite as the stores on disk, and needs neither a directory
// nor clean-up. Its contents are lost when the process ends; two Stores share nothing.
//
// # Caveats
//
// Waiting for the lock is not fair: later calls can overtake. Views in quick succession can
// keep an Update waiting until its context ends.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package memory

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
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

// View implements [backend.Store]. Views run concurrently.
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
	// Deferred instead of called after a recover, so that a panic of fn keeps its stack,
	// and runtime.Goexit does not commit.
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

// Tear makes addr a torn lease, with a zero Owner, and replaces its lease, if any.
// Transactions cannot write such a lease, which a crash of the stock plugin leaves; tests
// need one. Tear waits for transactions under way.
func (s *Store) Tear(addr netip.Addr) error {
	if err := storekit.CheckAddr(addr); err != nil {
		return err
	}
	unlock, err := s.acquire(context.Background(), s.lock.exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	s.data.remove(addr)
	s.data.setCooling(addr, time.Time{})
	s.data.insert(backend.Lease{Addr: addr})
	return nil
}

// acquire returns ErrClosed for a closed store at once, even if its lock is held. A call
// that already waits when the store is closed is under way and continues.
func (s *Store) acquire(ctx context.Context, lock func(context.Context) (func(), error)) (unlock func(), err error) {
	if s.closed.Load() {
		return nil, backend.ErrClosed
	}
	return lock(ctx)
}
