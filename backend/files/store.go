package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
	"github.com/leasehold/leasehold/internal/gate"
)

// A Store keeps the leases of one network in one directory. It implements
// [backend.Store].
type Store struct {
	path   string
	boot   boot
	opts   options
	gate   gate.Gate
	closed atomic.Bool

	// A test sets step, which is called before each change of the directory and can make it
	// fail; nil otherwise.
	step func(op string, names ...string) error

	// A test sets mount to say what the file system is like; nil otherwise.
	mount *mount
}

var _ backend.Store = (*Store)(nil)

// A boot is what is known about the present boot of the machine; the zero boot if nothing is.
type boot struct {
	id      string
	started time.Time
}

// An Option changes how a Store works.
type Option func(*Store)

// WithBoot gives the ID of the present boot of the machine, and when it began. It becomes
// Lease.Boot of leases whose files were made since. Without this option, or if started is zero,
// Lease.Boot is empty, as it is for older files.
func WithBoot(id string, started time.Time) Option {
	return func(s *Store) {
		if !started.IsZero() {
			s.boot = boot{id, started}
		}
	}
}

type options struct{ existing, replaced bool }

// Existing makes Update return [fs.ErrNotExist] instead of creating a missing directory.
func Existing() Option { return func(s *Store) { s.opts.existing = true } }

// ReadReplaced lets View read a store that was replaced, for a person to look at. Its leases
// may have ended long ago. Without this option, View returns [backend.ErrReplaced], as Update
// always does.
func ReadReplaced() Option { return func(s *Store) { s.opts.replaced = true } }

// Open returns the store in a directory. It accesses no file: the first Update creates the
// directory, with mode 0755, and the directories above it. If there is something other than a
// directory, Update and View return [backend.ErrOtherStore].
func Open(dir string, opts ...Option) *Store {
	s := &Store{path: filepath.Clean(dir), gate: gate.New()}
	for _, o := range opts {
		o(s)
	}
	return s
}

// Path returns the path of the directory.
func (s *Store) Path() string { return s.path }

// Close implements [backend.Store].
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

// View implements [backend.Store].
func (s *Store) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	t, end, err := s.begin(ctx, false)
	if errors.Is(err, fs.ErrNotExist) {
		return storekit.ViewEmpty(fn)
	}
	if err != nil {
		return err
	}
	defer end()
	return t.run(func() error { return fn(t) })
}

// Update implements [backend.Store].
func (s *Store) Update(ctx context.Context, fn func(backend.Tx) error) error {
	t, end, err := s.begin(ctx, true)
	if err != nil {
		return err
	}
	defer end()
	if err := t.run(func() error { return fn(t) }); err != nil {
		_ = t.dir.markClean() // This transaction has changed nothing.
		return err
	}
	if err := t.commit(); err != nil {
		return t.dir.overtaken(err)
	}
	return t.dir.overtaken(t.dir.markClean())
}

// begin starts a transaction on the locked directory.
func (s *Store) begin(ctx context.Context, write bool) (t *tx, end func(), err error) {
	if s.closed.Load() {
		return nil, nil, fmt.Errorf("%s: %w", s.path, backend.ErrClosed)
	}
	leave, err := s.gate.Enter(ctx, write)
	if err != nil {
		return nil, nil, busy(s.path, err)
	}
	defer func() {
		if err != nil {
			leave()
		}
	}()
	for {
		t, ok, err := s.attempt(ctx, write)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			return t, func() { t.dir.close(); leave() }, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, busy(s.path, err)
		}
	}
}

// attempt begins a transaction, once. It returns false if, by the time the lock is obtained,
// the path names another directory (after a live migration) or this directory had to give way.
func (s *Store) attempt(ctx context.Context, write bool) (t *tx, ok bool, err error) {
	d, err := openDir(s.path, write && !s.opts.existing)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if !ok || err != nil {
			d.close()
		}
	}()
	d.step, d.mount = s.step, s.mount
	if err := d.openLock(write); err != nil {
		return nil, false, d.withoutLock(err)
	}
	if err := d.acquire(ctx, write); err != nil {
		return nil, false, err
	}
	if ok, err := d.current(); err != nil || !ok {
		return nil, false, err
	}
	if ok, err := d.admit(ctx, write, s.opts.replaced); err != nil || !ok {
		return nil, false, err
	}
	t = &tx{dir: d, present: s.boot}
	if write {
		if err := d.syncUnclean(); err != nil {
			return nil, false, err
		}
		ok, err := d.recover(ctx)
		return t, ok, d.overtaken(err)
	}
	ok, err = t.prepareView()
	return t, ok, err
}

func busy(path string, cause error) error {
	return fmt.Errorf("%s: %w (%w)", path, backend.ErrBusy, cause)
}
