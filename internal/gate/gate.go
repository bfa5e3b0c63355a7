// Package gate admits goroutines one at a time, or several at once, in order of arrival,
// before they block in a system call.
//
// Each goroutine that waits in flock(2) occupies a thread. A store has its goroutines wait
// here instead.
package gate

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// maxReaders is the maximum number of concurrent readers.
const maxReaders = 16

// A Gate admits one writer or up to maxReaders readers.
type Gate struct {
	places *semaphore.Weighted // a reader takes one, a writer all
}

// New returns an open Gate.
func New() Gate { return Gate{semaphore.NewWeighted(maxReaders)} }

// Enter waits until the gate is open, or until ctx ends and returns its error. A caller
// that was admitted must call leave.
//
// If the gate is open, it ignores ctx, as package flock does: a context may start its timer
// only when it is asked whether it has ended.
func (g Gate) Enter(ctx context.Context, write bool) (leave func(), err error) {
	n := int64(1)
	if write {
		n = maxReaders
	}
	if !g.places.TryAcquire(n) {
		if err := g.places.Acquire(ctx, n); err != nil {
			return nil, err
		}
	}
	return func() { g.places.Release(n) }, nil
}
