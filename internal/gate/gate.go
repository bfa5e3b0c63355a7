// Package gate admits goroutines one at a time, or several at once, in order of arrival,
// before they block in a system call.
//
// Each goroutine that waits in flock(2) occupies a thread. A store has its goroutines wait
// here instead.
package gate

import "context"

// maxReaders is the maximum number of concurrent readers.
const maxReaders = 16

// A Gate admits one writer or up to maxReaders readers.
type Gate struct {
	turn   chan struct{} // held while entering, and by a writer until it leaves
	inside chan struct{} // one place taken by a reader, all by a writer
}

// New returns an open Gate.
func New() Gate {
	return Gate{make(chan struct{}, 1), make(chan struct{}, maxReaders)}
}

// Enter waits until the gate is open, or until ctx ends and returns its error. A caller
// that was admitted must call leave.
func (g Gate) Enter(ctx context.Context, write bool) (leave func(), err error) {
	if err := take(ctx, g.turn); err != nil {
		return nil, err
	}
	places := 1
	if write {
		places = maxReaders
	}
	for taken := range places {
		if err := take(ctx, g.inside); err != nil {
			give(g.inside, taken)
			give(g.turn, 1)
			return nil, err
		}
	}
	if !write {
		give(g.turn, 1)
		return func() { give(g.inside, 1) }, nil
	}
	return func() { give(g.inside, places); give(g.turn, 1) }, nil
}

// take takes a free place even if ctx has ended, as package flock does.
func take(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func give(places chan struct{}, n int) {
	for range n {
		<-places
	}
}
