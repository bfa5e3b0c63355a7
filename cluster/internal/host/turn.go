package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/internal/exchange"
)

// exclusively calls fn while no other process of this host asks for this network, with the number of
// processes that wait for that. When a host runs out of addresses, many do at once; the first gets
// what all need.
//
// If the servers did not answer a process while this one waited, it is not asked whether they would
// answer this one: all would wait for the whole time limit, one after the other.
func (h *Host) exclusively(ctx context.Context, fn func(ctx context.Context, waiting int) error) error {
	began := uptime()
	waiting, cancel := context.WithTimeout(ctx, h.config.LockTimeout)
	defer cancel()
	lock, err := exchange.At(h.config.Path()).LockClaim(waiting)
	if err != nil {
		return errors.Join(backend.ErrBusy, fmt.Errorf("another process of this host asks for addresses: %w", err))
	}
	defer lock.Close() // It only holds the lock; the failure in it is for processes that wait now.
	if f := readFailure(lock); f.Boot == h.boot.ID && f.At > began {
		return fmt.Errorf("%w: another process of this host has just asked: %s", cluster.ErrUnknown, f.Text)
	}
	ctx, cancel = context.WithTimeout(ctx, h.settings.Timeout)
	defer cancel()
	err = retry(ctx, func() error { return fn(ctx, waiters(lock)) })
	if errors.Is(err, cluster.ErrUnknown) || errors.Is(err, context.DeadlineExceeded) {
		writeFailure(lock, failure{Boot: h.boot.ID, At: uptime(), Text: err.Error()})
	}
	return err
}

// A failure is what the file of the lock has: when the servers last did not answer, and how.
type failure struct {
	Boot string
	At   int64 // nanoseconds since that boot
	Text string
}

// readFailure returns the zero failure if there is none, or a crash has torn it.
func readFailure(f *os.File) (last failure) {
	text, err := io.ReadAll(f)
	if err != nil || json.Unmarshal(text, &last) != nil {
		return failure{}
	}
	return last
}

// writeFailure replaces what the file has. If that fails, the next process asks the servers itself.
func writeFailure(f *os.File, last failure) {
	text, err := json.Marshal(last)
	if err == nil && f.Truncate(0) == nil {
		_, _ = f.WriteAt(text, 0) // As the comment of the function says.
	}
}
