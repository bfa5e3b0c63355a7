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
	return h.inHand(ctx, h.locked(ctx, fn))
}

// locked is exclusively, with the error as it is.
func (h *Host) locked(ctx context.Context, fn func(ctx context.Context, waiting int) error) error {
	began := uptime()
	waiting, cancel := context.WithTimeout(ctx, h.config.LockTimeout)
	defer cancel()
	lock, err := exchange.At(h.config.Path()).LockClaim(waiting)
	if err != nil {
		return errors.Join(backend.ErrBusy, fmt.Errorf("another process of this host asks for addresses: %w", err))
	}
	defer lock.Close() // It only holds the lock; what is in it may get lost.
	last := readNote(lock)
	if f := last.Failure; f.Boot == h.boot.ID && f.At > began {
		return fmt.Errorf("%w: another process of this host has just asked: %s", cluster.ErrUnknown, f.Text)
	}
	h.seen.load(last.Seen)
	ctx, cancel = context.WithTimeout(ctx, h.settings.Timeout)
	defer cancel()
	err = retry(ctx, func() error { return fn(ctx, waiters(lock)) })
	if errors.Is(err, cluster.ErrNoSpace) {
		if m, failed := h.membership(ctx); failed == nil && !m.IsZero() {
			err = fmt.Errorf("%w: %w", ErrLost, err)
		}
	}
	next := note{Seen: h.seen.text}
	if errors.Is(err, cluster.ErrUnknown) || errors.Is(err, context.DeadlineExceeded) {
		next.Failure = failure{Boot: h.boot.ID, At: uptime(), Text: err.Error()}
	}
	if h.seen.changed || next.Failure != (failure{}) {
		writeNote(lock, next)
	}
	return err
}

// A note is what the file of the lock has: what processes of this host tell the next ones.
type note struct {
	Failure failure // when the servers last did not answer; for those that wait now
	Seen    []byte  // see [cluster.Cache]
}

// A failure says when the servers did not answer, and how.
type failure struct {
	Boot string
	At   int64 // nanoseconds since that boot
	Text string
}

// readNote returns the zero note for a file that is empty, or that a crash has torn.
func readNote(f *os.File) (last note) {
	text, err := io.ReadAll(f)
	if err != nil || json.Unmarshal(text, &last) != nil {
		return note{}
	}
	return last
}

// writeNote replaces what the file has. If that fails, the next process asks the servers itself.
func writeNote(f *os.File, next note) {
	text, err := json.Marshal(next)
	if err == nil && f.Truncate(0) == nil {
		_, _ = f.WriteAt(text, 0) // As the comment of the function says.
	}
}

// seen is a [cluster.Cache] that keeps its text in the file of the lock.
type seen struct {
	text    []byte
	changed bool
}

func (s *seen) Get() []byte { return s.text }

func (s *seen) Set(text []byte) { s.text, s.changed = text, true }

// load begins with the text of the file.
func (s *seen) load(text []byte) { s.text, s.changed = text, false }
