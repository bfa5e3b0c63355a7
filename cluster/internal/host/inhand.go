package host

import (
	"context"
	"errors"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// An InHandError is an error of a request to the servers on a host that can lease all the same: its addresses are
// confirmed in this boot.
type InHandError struct{ err error }

func (e *InHandError) Error() string { return e.err.Error() }

// Unwrap returns the error of the request.
func (e *InHandError) Unwrap() error { return e.err }

// inHand makes err an InHandError, unless it is nil, if this host holds addresses that it can lease.
func (h *Host) inHand(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	leases := false
	viewErr := h.store.View(context.WithoutCancel(ctx), func(tx backend.ReadTx) error { // The time for the request may be over.
		m, err := tx.Membership()
		if err != nil || !h.isConfirmed(m) {
			return err
		}
		blocks, err := backend.Blocks(tx)
		leases = slices.ContainsFunc(blocks, func(b backend.Block) bool { return b.State == backend.Open })
		return err
	})
	if viewErr != nil || !leases {
		return err // It is not known that it can.
	}
	return &InHandError{err}
}

// isConfirmed reports whether the servers have confirmed in this boot what this host holds.
func (h *Host) isConfirmed(m backend.Membership) bool {
	return m.Attested != "" && m.Attested == h.boot.ID && m.Stopped == ""
}

// isInHand reports whether an error is an InHandError.
func isInHand(err error) bool {
	one := (*InHandError)(nil)
	return errors.As(err, &one)
}
