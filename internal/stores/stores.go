// Package stores opens the store of a network by name.
//
// Both kinds of store live at the same path, <dataDir>/<network>: a directory is a
// files store, a regular file a bolt store. So there is never more than one, and
// what stands there can be told by looking.
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
)

// The kinds of store have the names that a configuration gives them, config.Files
// and config.Bolt. None stands for no store at all.
const None = ""

// Standing returns the kind of the store that stands at path, or None if nothing
// does. Anything there that is neither a directory nor a regular file gives
// [backend.ErrOtherStore], and a symbolic link that leads to no directory, there or above,
// an [exchange.LinkError], which is one.
func Standing(path string) (kind string, err error) {
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

// A MismatchError says that a configuration names one kind of store and another
// stands at the path.
type MismatchError struct {
	Path       string
	Configured string
	Standing   string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s holds the leases in the %s backend, the configuration says %q",
		e.Path, e.Standing, e.Configured)
}

// Unwrap returns [backend.ErrOtherStore].
func (e *MismatchError) Unwrap() error { return backend.ErrOtherStore }

// Open returns the store at path, of the kind that is configured. If none is, it
// is of the kind that stands there, and of the kind config.Files where nothing does.
//
// It creates nothing. If the other kind stands at path it returns a
// [MismatchError].
func Open(path, configured string) (store backend.Store, kind string, err error) {
	standing, err := Standing(path)
	if err != nil {
		return nil, None, err
	}
	if configured == None {
		return &following{path: path}, orFiles(standing), nil
	}
	if standing != None && standing != configured {
		return nil, None, &MismatchError{path, configured, standing}
	}
	return open(path, configured, options{}), configured, nil
}

// options are those of both kinds of store.
type options struct {
	bolt  []bolt.Option
	files []files.Option
}

func open(path, kind string, o options) backend.Store {
	if kind == config.Bolt {
		return bolt.Open(path, o.bolt...)
	}
	b := boot.Current()
	return files.Open(path, slices.Concat(o.files, []files.Option{files.WithBoot(b.ID, b.Started)})...)
}

// OpenChecked returns the store of the given kind at path, for a program that has
// more time than a plugin: what is used of a bolt store has been checked before.
func OpenChecked(path, kind string) backend.Store {
	return open(path, kind, options{bolt: []bolt.Option{bolt.Checked()}})
}

// OpenBuilt is OpenChecked for a store that [Create] has made: an Update does not make
// another if that is gone, but returns [fs.ErrNotExist].
func OpenBuilt(path, kind string) backend.Store {
	return open(path, kind, options{
		bolt: []bolt.Option{bolt.Checked(), bolt.Existing()}, files: []files.Option{files.Existing()},
	})
}

// Follow returns the store that stands at path, of whatever kind that is at the
// time, checked as [OpenChecked] says.
func Follow(path string) backend.Store {
	return &following{path, options{bolt: []bolt.Option{bolt.Checked()}}}
}

// Read is Follow for people: they can also read a store that was replaced, of which
// [exchange.Place.Replaced] tells.
func Read(path string) backend.Store {
	return &following{path, options{
		bolt: []bolt.Option{bolt.Checked(), bolt.ReadReplaced()}, files: []files.Option{files.ReadReplaced()},
	}}
}

// Create makes a store of the given kind at path, where nothing may stand and which
// nobody else uses. It holds what c holds, durably.
func Create(path, kind string, c backend.Content) error {
	if kind == config.Bolt {
		return bolt.Create(path, c)
	}
	return files.Create(path, c)
}

// Verify returns what is wrong with the store at path, joined into one error of a line
// for each; see [bolt.Store.Verify] and [files.Store.Verify].
//
// A store that a migration exchanges meanwhile is looked at again.
func Verify(ctx context.Context, path string) error {
	return Retry(ctx, func() error { return verify(ctx, path) })
}

func verify(ctx context.Context, path string) error {
	kind, err := Standing(path)
	if err != nil || kind == None {
		return err
	}
	if kind == config.Bolt {
		return bolt.Open(path).Verify(ctx)
	}
	return files.Open(path).Verify(ctx)
}

// orFiles returns the kind of the store that standing makes it: where nothing
// stands, files, as ever.
func orFiles(standing string) string {
	if standing == None {
		return config.Files
	}
	return standing
}

// Usable returns an error if a store at path could not be written to or, where
// there is none yet, created; [backend.ErrNoSpace] if that is for lack of space.
func Usable(path string) error {
	for {
		err := writable(path)
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

// OnReadOnly reports whether the directory that a store at path is in is on a read-only file
// system. One that cannot be looked at is not known to be.
func OnReadOnly(path string) bool { return errors.Is(writable(filepath.Dir(path)), syscall.EROFS) }

// A following store is of whatever kind stands at its path: if a migration
// exchanges the store while an operation waits for the lock, the operation goes on
// with the new one.
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
	var ended error // once fn, which is called once at most, has been
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

// try runs op on the store that stands at the path, again if that was exchanged
// meanwhile, however often. A store finds that out before it does anything.
func (s *following) try(ctx context.Context, op func(backend.Store) error) error {
	return Retry(ctx, func() error {
		standing, err := Standing(s.path)
		if err != nil {
			return err
		}
		return op(open(s.path, orFiles(standing), s.opts))
	})
}

// Retry calls op, which looks at what stands at a path, again as long as it returns
// [backend.ErrOtherStore] because that was exchanged, or made, between two looks at it.
// A [MismatchError] is an answer, and so is an [exchange.LinkError]. It waits each time a
// little longer: an op in step with a program that exchanges stores would be refused every
// time.
func Retry(ctx context.Context, op func() error) error {
	for refused := 0; ; refused++ {
		err := op()
		if !errors.Is(err, backend.ErrOtherStore) || isAnswer(err) || refused == mostRefused || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Duration(refused) * 10 * time.Microsecond)
	}
}

func isAnswer(err error) bool {
	var (
		mismatch *MismatchError
		link     *exchange.LinkError
	)
	return errors.As(err, &mismatch) || errors.As(err, &link)
}

// mostRefused is more often than a store is exchanged while one waits for it, so that
// something that is of neither kind comes to an end.
const mostRefused = 100
