package bolt

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/leasehold/leasehold/backend"
)

// A queue is where the Updates of a Store wait until the one that leads has them join
// its transaction, or has one of them lead the next.
type queue struct {
	mu      sync.Mutex
	led     bool
	waiting []*waiter
}

// A waiter is an Update in the queue.
type waiter struct {
	fn    func(backend.Tx) error
	ready chan struct{}
	lead  bool // it has not been called, but is to lead

	returned bool
	panicked any // nil, if it has neither returned, stands for runtime.Goexit
	err      error
}

// enter has the caller lead, and afterwards call succeed, if nobody else does. Otherwise
// it has to wait.
func (q *queue) enter(fn func(backend.Tx) error) (w *waiter, lead bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.led {
		q.led = true
		return nil, true
	}
	w = &waiter{fn: fn, ready: make(chan struct{}, 1)}
	q.waiting = append(q.waiting, w)
	return w, false
}

// wait returns when w has been called, or is to lead. If ctx ends before that it
// returns the context's error.
func (q *queue) wait(ctx context.Context, w *waiter) error {
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		if q.leave(w) {
			return ctx.Err()
		}
		<-w.ready // It is on its way already.
		return nil
	}
}

// leave gives up waiting. It returns false if it is too late.
func (q *queue) leave(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, w)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0
}

// next returns who has waited longest, or nil if nobody waits.
func (q *queue) next() *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.first()
}

// succeed has who has waited longest lead.
func (q *queue) succeed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.first()
	q.led = w != nil
	if w != nil {
		w.lead = true
		w.ready <- struct{}{}
	}
}

func (q *queue) first() *waiter {
	if len(q.waiting) == 0 {
		return nil
	}
	w := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return w
}

// call calls fn in a session.
func (w *waiter) call(t *session) {
	defer func() {
		if !w.returned {
			w.panicked = recover()
		}
	}()
	w.err = t.run(w.fn)
	w.returned = true
}

// result does what fn did: it returns its error, or that of the transaction, panics, or
// ends the goroutine.
func (w *waiter) result() error {
	switch {
	case w.returned:
		return w.err
	case w.panicked != nil:
		panic(w.panicked)
	default:
		runtime.Goexit()
		return nil
	}
}
