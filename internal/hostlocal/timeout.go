package hostlocal

import (
	"context"
	"sync"
	"time"
)

// A timeout is a context with a deadline. Unlike context.WithTimeout, it starts no timer,
// and so not the poller of the Go runtime, until Done is called: usually the lock is free
// and nothing waits.
type timeout struct {
	context.Context // the caller's
	at              time.Time
	start           sync.Once
	waiting         context.Context // has the timer, once started
}

func newTimeout(ctx context.Context, d time.Duration) *timeout {
	at := time.Now().Add(d)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(at) {
		at = earlier
	}
	return &timeout{Context: ctx, at: at}
}

// Deadline implements [context.Context].
func (t *timeout) Deadline() (at time.Time, ok bool) { return t.at, true }

// Done implements [context.Context].
func (t *timeout) Done() <-chan struct{} { return t.wait().Done() }

// Err implements [context.Context].
func (t *timeout) Err() error {
	if err := t.Context.Err(); err != nil {
		return err
	}
	if time.Now().Before(t.at) {
		return nil
	}
	<-t.Done()
	return t.wait().Err()
}

// wait returns the context with the timer. It is never cancelled before its deadline,
// because the process ends with the operation it is for.
func (t *timeout) wait() context.Context {
	t.start.Do(func() {
		ctx, cancel := context.WithDeadline(t.Context, t.at)
		context.AfterFunc(ctx, cancel)
		t.waiting = ctx
	})
	return t.waiting
}
