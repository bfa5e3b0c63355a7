package bolt

import (
	"cmp"
	"errors"
	"runtime/debug"
)

// A batch is Updates of one process that share a transaction. The first of them, the
// leader, takes the lock, begins the transaction, and commits it when the others are
// through.
type batch struct {
	queue   *queue
	session *session
	joined  []*waiter
	worked  chan struct{} // closed when nobody else joins
}

// mostJoined is how many Updates may join a leader. It is far beyond what still makes a
// sync cheaper for each, and short of making others wait for long.
const mostJoined = 1024

// errLeader is for those whose leader has panicked.
var errLeader = errors.New("the transaction has not been committed")

// share has those who wait take part in the session of their leader.
func (b *batch) share(t *session) {
	if !b.queue.empty() {
		b.session, b.worked = t, make(chan struct{})
		go b.work()
		<-b.worked
	}
}

// work calls what the others want called: in one goroutine, because to wake that of each
// takes as long as a lease does.
func (b *batch) work() {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	done := false
	defer func() {
		if !done { // somebody has called runtime.Goexit
			go b.work()
		}
	}()
	for len(b.joined) < mostJoined && b.session.roomForMore() {
		w := b.queue.next()
		if w == nil {
			break
		}
		b.joined = append(b.joined, w)
		w.call(b.session)
	}
	done = true
	close(b.worked)
}

// end tells all who have joined how it went.
func (b *batch) end(outcome error) {
	for _, w := range b.joined {
		w.err = cmp.Or(w.err, outcome)
		w.ready <- struct{}{}
	}
}
