package bolt

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/leasehold/leasehold/backend"
)

// A queue holds the Updates of a Store that wait. Each either joins the transaction of the
// Update that leads, or becomes the leader of the next one.
type queue struct {
	mu      sync.Mutex
	led     bool
	waiting []*waiter
}

// A waiter is an Update in the queue.
type waiter struct {
	fn    func(backend.Tx) error
	ready chan struct{}
	lead  bool // it was not called, but leads now

	returned bool
	panicked any // if fn has not returned: the value of its panic; nil after runtime.Goexit
	err      error
}

// leadOrQueue makes the caller the leader unless there is one; a leader has to call
// promoteNext when it is done. Any other caller has to wait.
func (q *queue) leadOrQueue(fn func(backend.Tx) error) (w *waiter, lead bool) {
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

// wait returns when w has been called or is the leader. If ctx ends before that it returns
// the context's error.
func (q *queue) wait(ctx context.Context, w *waiter) error {
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		if q.leave(w) {
			return ctx.Err()
		}
		<-w.ready // It has been taken from the queue already.
		return nil
	}
}

// leave removes w from the queue. It returns false if it is too late.
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

// next removes the longest-waiting Update from the queue; it returns nil if there is none.
func (q *queue) next() *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.first()
}

// promoteNext makes the longest-waiting Update the next leader.
func (q *queue) promoteNext() {
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
	w.err = t.apply(w.fn)
	w.returned = true
}

// result ends as fn did: it returns the error of fn or of the transaction, panics, or ends
// the goroutine.
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

// A batch is the Updates of one process that join the transaction of their leader, which
// takes the lock, begins, and commits when all have been called.
type batch struct {
	queue   *queue
	session *session
	joined  []*waiter
	called  chan struct{} // closed when no other Update joins
}

// maxJoined is how many Updates may join a leader. With that many, one more no longer makes a
// sync cheaper for each, and others do not wait for long yet.
const maxJoined = 1024

// errLeader is the error of Updates whose leader has panicked.
var errLeader = errors.New("the transaction has not been committed")

// share calls the Updates that wait in the session of their leader.
func (b *batch) share(t *session) {
	if !b.queue.empty() {
		b.session, b.called = t, make(chan struct{})
		go b.callAll()
		<-b.called
	}
}

// callAll calls the Updates in one goroutine: waking the goroutine of each costs as much
// time as a lease does.
func (b *batch) callAll() {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	done := false
	defer func() {
		if !done { // A function has called runtime.Goexit.
			go b.callAll()
		}
	}()
	for len(b.joined) < maxJoined && b.session.hasRoomForMore() {
		w := b.queue.next()
		if w == nil {
			break
		}
		b.joined = append(b.joined, w)
		w.call(b.session)
	}
	done = true
	close(b.called)
}

// finish gives all that have joined the outcome of the transaction.
func (b *batch) finish(outcome error) {
	for _, w := range b.joined {
		w.err = cmp.Or(w.err, outcome)
		w.ready <- struct{}{}
	}
}
