package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/leasehold/leasehold/backend"
)

// An rwLock is a read-write lock whose waiters give up when a context ends; a sync.RWMutex
// makes them wait.
type rwLock struct {
	mu       sync.Mutex
	readers  int
	writing  bool
	released chan struct{} // closed, and replaced, at every release
}

func newRWLock() *rwLock {
	return &rwLock{released: make(chan struct{})}
}

// shared waits until there is no writer.
func (l *rwLock) shared(ctx context.Context) (unlock func(), err error) {
	err = l.wait(ctx, func() bool {
		if l.writing {
			return false
		}
		l.readers++
		return true
	})
	return func() { l.release(func() { l.readers-- }) }, err
}

// exclusive waits until there is no reader or writer.
func (l *rwLock) exclusive(ctx context.Context) (unlock func(), err error) {
	err = l.wait(ctx, func() bool {
		if l.writing || l.readers > 0 {
			return false
		}
		l.writing = true
		return true
	})
	return func() { l.release(func() { l.writing = false }) }, err
}

// wait calls take, with mu held, until it returns true or ctx ends. A free lock is taken
// even if ctx has ended, as flock.Exclusive does.
func (l *rwLock) wait(ctx context.Context, take func() bool) error {
	for {
		l.mu.Lock()
		taken, released := take(), l.released
		l.mu.Unlock()
		if taken {
			return nil
		}
		select {
		case <-released:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", backend.ErrBusy, context.Cause(ctx))
		}
	}
}

func (l *rwLock) release(give func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	give()
	close(l.released)
	l.released = make(chan struct{})
}
