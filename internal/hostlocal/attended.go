package hostlocal

import (
	"context"
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/backend"
)

// errAbandoned says that the caller has gone before anything was done.
var errAbandoned = errors.New("the caller has gone; nothing was done")

// An attended store refuses the first Update of a command whose caller has gone.
//
// A runtime that is killed, or gives up, leaves a plugin behind that waits for a lock or
// for a processor. It comes to its turn when the runtime has repeated the DEL that it saw
// no answer of, and has started the container again: the late DEL would end the lease of
// that. Once the lock is there, what the caller has done since comes after this Update,
// so that to ask then is not too early. An Update that takes back what the command itself
// has done, because it cannot be told of, is not asked about.
type attended struct {
	backend.Store
	gone  func() error
	begun bool
}

// attend returns the store as one for the caller of this command.
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

// callerGone returns an error if the caller of the command has stopped waiting for it.
func (p *Plugin) callerGone(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errAbandoned, err)
	}
	if p.Abandoned != nil && p.Abandoned() {
		return fmt.Errorf("%w: standard output has no reader", errAbandoned)
	}
	return nil
}
