package hostlocal

import (
	"context"
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/backend"
)

// errAbandoned means that the caller has gone before anything was done.
var errAbandoned = errors.New("the caller has gone; nothing was done")

// errUndelivered means that the caller could not be given the answer.
var errUndelivered = errors.New("write to standard output")

// An attended store rejects the first Update of a command whose caller has gone.
//
// A runtime that is killed, or gives up, leaves behind a plugin that waits for a lock or a
// processor. Without an answer, the runtime repeats the DEL and then starts the container
// again. If the late DEL ran after that, it would end the new lease.
//
// The question is asked while the lock is held: whatever the caller starts later comes
// after this Update. It is not asked for later Updates, which undo what the command itself
// has done.
type attended struct {
	backend.Store
	gone  func() error
	begun bool
}

// attend returns an attended store for the caller of this command.
func (p *Plugin) attend(waiting *timeout, store backend.Store) *attended {
	return &attended{Store: store, gone: func() error { return p.callerGone(waiting.Context) }}
}

// Update implements [backend.Store].
func (a *attended) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return a.Store.Update(ctx, func(tx backend.Tx) error {
		if !a.begun {
			if err := a.gone(); err != nil {
				return err
			}
		}
		a.begun = true
		return fn(tx)
	})
}

// callerGone returns an error if the caller has stopped waiting.
func (p *Plugin) callerGone(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errAbandoned, err)
	}
	if p.Abandoned != nil && p.Abandoned() {
		return fmt.Errorf("%w: standard output has no reader", errAbandoned)
	}
	return nil
}
