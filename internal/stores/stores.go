// Package stores opens the store of a network by name.
//
// Both kinds of store use the same path, <dataDir>/<network>: a directory is a files store, a
// regular file a bolt store. So there is never more than one, and its type of file tells which
// kind it is.
package stores

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/shell"
)

// The kinds of store have the names of the configuration, config.Files and config.Bolt. None
// means that there is no store.
const None = ""

// KindAt returns the kind of the store at path, or None without a store. Anything other than a
// directory or a regular file gives [backend.ErrOtherStore], and a dangling link, at path or
// above it, an [exchange.LinkError], which wraps that.
func KindAt(path string) (kind string, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if empty, err := exchange.At(path).FinishSwap(); empty || err != nil {
			return None, cmp.Or(err, exchange.CheckLinks(filepath.Dir(path)))
		}
		info, err = os.Lstat(path)
	}
	if err != nil {
		return None, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if err := exchange.CheckLink(path); err != nil {
			return None, err
		}
		info, err = os.Stat(path) // The stock plugin follows a link to a directory.
	}
	switch {
	case err != nil:
		return None, err
	case info.IsDir():
		return config.Files, nil
	case info.Mode().IsRegular():
		return config.Bolt, nil
	}
	return None, fmt.Errorf("%s: %w: want a directory or a regular file", path, backend.ErrOtherStore)
}

// A MismatchError says that the configuration names one kind of store, and the store at the
// path is of the other.
type MismatchError struct {
	Path       string
	Configured string
	Existing   string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s holds the leases in the %s backend, the configuration says %q",
		e.Path, e.Existing, e.Configured)
}

// Advice says what to do.
func (e *MismatchError) Advice() string {
	return fmt.Sprintf(`to move the leases, run: leasehold migrate --data-dir %s %s --to %s; to leave them, set "backend": %q`,
		shell.Quote(filepath.Dir(e.Path)), shell.Quote(filepath.Base(e.Path)), e.Configured, e.Existing)
}

// Unwrap returns [backend.ErrOtherStore].
func (e *MismatchError) Unwrap() error { return backend.ErrOtherStore }

// Open returns the store at path. If configured is None, it is of the existing kind, or
// config.Files if there is no store, and it continues with the new store if a migration
// replaces it.
//
// Open creates nothing. If the store at path is of another kind than configured, it returns a
// [MismatchError].
func Open(path, configured string) (store backend.Store, kind string, err error) {
	existing, err := KindAt(path)
	if err != nil {
		return nil, None, err
	}
	if configured == None {
		return &following{path: path}, kindOrFiles(existing), nil
	}
	if existing != None && existing != configured {
		return nil, None, &MismatchError{path, configured, existing}
	}
	return open(path, configured, options{}), configured, nil
}

// options has the options for either kind of store.
type options struct {
	bolt  []bolt.Option
	files []files.Option
}

func open(path, kind string, o options) backend.Store {
	if kind == config.Bolt {
		return bolt.Open(path, o.bolt...)
	}
	return files.Open(path, slices.Concat(o.files, []files.Option{inPresentBoot()})...)
}

func inPresentBoot() files.Option {
	b := boot.Current()
	return files.WithBoot(b.ID, b.Started)
}

// OpenChecked returns the store of the given kind at path, for a program that has more time
// than a plugin: all pages of a bolt store are checked before they are used.
func OpenChecked(path, kind string) backend.Store {
	return open(path, kind, options{bolt: []bolt.Option{bolt.Checked()}})
}

// OpenBuilt is OpenChecked for a store that [Create] has made: if it is gone, Update returns
// [fs.ErrNotExist] instead of making another.
func OpenBuilt(path, kind string) backend.Store {
	return open(path, kind, options{
		bolt: []bolt.Option{bolt.Checked(), bolt.Existing()}, files: []files.Option{files.Existing()},
	})
}

// Follow returns the store at path, of whatever kind it is at the time of a transaction,
// checked as by [OpenChecked].
func Follow(path string) backend.Store {
	return &following{path, options{bolt: []bolt.Option{bolt.Checked()}}}
}

// Read is Follow for showing leases to a person. It also reads a store that was replaced: see
// [exchange.Place.Replaced].
func Read(path string) backend.Store {
	return &following{path, options{
		bolt: []bolt.Option{bolt.Checked(), bolt.ReadReplaced()}, files: []files.Option{files.ReadReplaced()},
	}}
}

// Create makes a store of the given kind with the content c at path, which must not exist. The
// store is durable. No other process may use the path meanwhile.
func Create(path, kind string, c backend.Content) error {
	if kind == config.Bolt {
		return bolt.Create(path, c)
	}
	return files.Open(path, inPresentBoot()).Create(c)
}

// Verify returns everything that is wrong with the store at path, joined into one error with a
// line for each problem; see [bolt.Store.Verify] and [files.Store.Verify].
//
// If a migration replaces the store meanwhile, Verify starts again.
func Verify(ctx context.Context, path string) error {
	return Retry(ctx, func() error { return verify(ctx, path) })
}

func verify(ctx context.Context, path string) error {
	kind, err := KindAt(path)
	if err != nil || kind == None {
		return err
	}
	if kind == config.Bolt {
		return bolt.Open(path).Verify(ctx)
	}
	return files.Open(path).Verify(ctx)
}

// kindOrFiles returns the kind of store to open: an existing one, or else files.
func kindOrFiles(existing string) string {
	if existing == None {
		return config.Files
	}
	return existing
}

// Usable returns an error if a store at path could not be written to or, if there is none,
// created. It is [backend.ErrNoSpace] if there is no space.
func Usable(path string) error {
	for {
		err := checkWritable(path)
		if err == nil {
			return room(path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		parent := filepath.Dir(path)
		if parent == path {
			return err
		}
		path = parent
	}
}

// OnReadOnly reports whether the directory of a store at path is on a read-only file system, as
// far as that is known.
func OnReadOnly(path string) bool { return errors.Is(checkWritable(filepath.Dir(path)), syscall.EROFS) }

// A following store is of the kind that is at its path: if a migration replaces the store while
// an operation waits for the lock, the operation continues with the new one.
type following struct {
	path string
	opts options
}

// View implements [backend.Store].
func (s *following) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	return s.try(ctx, func(st backend.Store) error { return st.View(ctx, fn) })
}

// Update implements [backend.Store].
func (s *following) Update(ctx context.Context, fn func(backend.Tx) error) error {
	called := false
	var ended error // set once fn was called, which must not be called again
	err := s.try(ctx, func(st backend.Store) error {
		err := st.Update(ctx, func(tx backend.Tx) error {
			called = true
			return fn(tx)
		})
		if called {
			ended, err = err, nil
		}
		return err
	})
	return cmp.Or(ended, err)
}

// Close implements [backend.Store]. There is nothing to close between operations.
func (s *following) Close() error { return nil }

// try runs op on the store at the path, and again whenever the store was replaced meanwhile. A
// store notices that before it does anything.
func (s *following) try(ctx context.Context, op func(backend.Store) error) error {
	return Retry(ctx, func() error {
		existing, err := KindAt(s.path)
		if err != nil {
			return err
		}
		return op(open(s.path, kindOrFiles(existing), s.opts))
	})
}

// Retry repeats op as long as it returns [backend.ErrOtherStore] because the store was replaced
// or made between two checks of its path. A [MismatchError] and an [exchange.LinkError] are
// final. The delay grows, so that an operation in lockstep with repeated migrations still gets
// through.
func Retry(ctx context.Context, op func() error) error {
	for retries := 0; ; retries++ {
		err := op()
		if !errors.Is(err, backend.ErrOtherStore) || isFinal(err) || retries == maxRetries || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Duration(retries) * 10 * time.Microsecond)
	}
}

func isFinal(err error) bool {
	var (
		mismatch *MismatchError
		link     *exchange.LinkError
	)
	return errors.As(err, &mismatch) || errors.As(err, &link)
}

// maxRetries is more often than a store is replaced while an operation waits, so that an op on
// something that is not a store ends.
const maxRetries = 100
