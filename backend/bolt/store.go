package bolt

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"sync/atomic"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
	"github.com/leasehold/leasehold/internal/gate"
)

// A Store keeps the leases of one network in the bbolt file at its path. It
// implements [backend.Store].
type Store struct {
	path   string
	opts   options
	queue  queue
	gate   gate.Gate
	closed atomic.Bool
}

var _ backend.Store = (*Store)(nil)

// Open returns the store at path. It accesses no file: the first Update creates the file,
// with mode 0600, and the directories above it, with mode 0755.
func Open(path string, opts ...Option) *Store {
	s := &Store{path: path, gate: gate.New()}
	for _, o := range opts {
		o(&s.opts)
	}
	return s
}

// An Option is an option of [Open].
type Option func(*options)

type options struct{ checkAll, existing, replaced bool }

// Checked makes each transaction check all pages of the file before it begins. Without it
// only the pages that the transaction uses are checked: if a corrupt freelist has another
// page that is in use, bbolt overwrites that.
//
// The check takes as long as reading the file: some 10 ms for 65,000 leases.
func Checked() Option { return func(o *options) { o.checkAll = true } }

// Existing makes Update return [fs.ErrNotExist] if there is no store, instead of making one.
func Existing() Option { return func(o *options) { o.existing = true } }

// ReadReplaced makes View read a store that was replaced, for people to look at: its leases
// may have ended long ago. Without it, View returns [backend.ErrReplaced], as Update always
// does.
func ReadReplaced() Option { return func(o *options) { o.replaced = true } }

// Path returns the path of the store's file.
func (s *Store) Path() string { return s.path }

// Close implements [backend.Store].
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

// View implements [backend.Store].
func (s *Store) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	leave, err := s.enter(ctx, false)
	if err != nil {
		return err
	}
	defer leave()
	f, err := s.openShared(ctx, use)
	if errors.Is(err, fs.ErrNotExist) {
		return storekit.ViewEmpty(fn)
	}
	if err != nil {
		return err
	}
	return s.transact(f, viewing, func(t *session) error {
		return t.apply(func(tx backend.Tx) error { return fn(tx) })
	})
}

// Update implements [backend.Store]. Updates that wait while another one commits share the
// next transaction and its syncs: see the package comment.
func (s *Store) Update(ctx context.Context, fn func(backend.Tx) error) error {
	if s.closed.Load() {
		return s.wrapPath(backend.ErrClosed)
	}
	if w, lead := s.queue.leadOrQueue(fn); !lead {
		if err := s.queue.wait(ctx, w); err != nil {
			return s.busy(err)
		}
		if !w.lead {
			return w.result()
		}
	}
	defer s.queue.promoteNext()
	return s.lead(ctx, fn)
}

// lead begins a transaction, calls fn in it, and lets the Updates that wait join.
func (s *Store) lead(ctx context.Context, fn func(backend.Tx) error) error {
	leave, err := s.gate.Enter(ctx, true)
	if err != nil {
		return s.busy(err)
	}
	defer leave()
	f, fresh, err := s.openExclusive(ctx, use, !s.opts.existing)
	if err != nil {
		return err
	}
	m := updating
	if fresh {
		m = creating
	}
	b := batch{queue: &s.queue}
	var own error
	outcome := errLeader
	defer func() { b.finish(outcome) }()
	outcome = s.transact(f, m, func(t *session) error {
		own = t.apply(fn)
		b.share(t)
		return nil
	})
	return cmp.Or(own, outcome) // If fn failed, the outcome is of the others.
}

func (s *Store) enter(ctx context.Context, write bool) (leave func(), err error) {
	if s.closed.Load() {
		return nil, s.wrapPath(backend.ErrClosed)
	}
	leave, err = s.gate.Enter(ctx, write)
	if err != nil {
		return nil, s.busy(err)
	}
	return leave, nil
}
