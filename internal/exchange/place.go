package exchange

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/flock"
)

// A Place is the path of the store of a network.
type Place struct{ path string }

// At returns the place at path, <dataDir>/<network>.
func At(path string) Place { return Place{filepath.Clean(path)} }

// Dir returns the directory for what is not in use.
func (p Place) Dir() string { return filepath.Join(filepath.Dir(p.path), dirName) }

// MakeDir makes the directory for what is not in use, for the owner's eyes only, and
// what is missing above it, and makes their names durable.
func (p Place) MakeDir() error {
	if err := durable.MkdirAll(filepath.Dir(p.path), 0o755); err != nil {
		return err
	}
	if err := durable.MkdirAll(p.Dir(), 0o700); err != nil {
		return err
	}
	_, err := p.checkDir()
	return err
}

// checkDir reports whether the directory for what is not in use is there. What a link
// in its place leads to is not ours: nothing there is moved, or removed.
func (p Place) checkDir() (there bool, err error) {
	info, err := os.Lstat(p.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: p.Dir(), Err: errors.New("it is not a directory")}
	}
	return err == nil, err
}

// Standing describes what stands in the place; nil if nothing does.
func (p Place) Standing() (fs.FileInfo, error) {
	info, err := os.Lstat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

// Lock waits until ctx ends for the right to make a store of this network elsewhere than
// in its place. It is taken before the lock of the store in the place, and never under it:
// plugins would wait for whatever keeps this one. A [LockError] says which
// lock was waited for in vain.
//
// Earlier versions took one lock for all networks. It is shared here, which keeps them out.
func (p Place) Lock(ctx context.Context) (unlock func(), err error) {
	if err := p.MakeDir(); err != nil {
		return nil, err
	}
	all, err := lockFile(ctx, filepath.Join(p.Dir(), lockName), flock.Shared)
	if err != nil {
		return nil, err
	}
	own, err := lockFile(ctx, p.aside(ownLock), flock.Exclusive)
	if err != nil {
		all.Close() // Nothing was written.
		return nil, err
	}
	return func() { own.Close(); all.Close() }, nil // nothing was written
}

// A LockError says that a lock was not obtained before a context ended.
type LockError struct {
	Path string
	Err  error // of the context
}

func (e *LockError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap returns the error of the context.
func (e *LockError) Unwrap() error { return e.Err }

func lockFile(ctx context.Context, path string, lock func(context.Context, *os.File) error) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	err = lock(ctx, f)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, &LockError{path, err} // The file belongs to the goroutine that still waits.
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
}

// Settle gives the store at staged, which built describes, the place, which is vacant. If
// somebody else makes a store there meanwhile it returns [fs.ErrExist].
func (p Place) Settle(staged string, built fs.FileInfo) error {
	if err := p.unchanged(staged, built); err != nil {
		return err
	}
	// A plugin makes a first store under no lock but its own, so nothing may be
	// replaced on any file system.
	if err := durable.PutNew(staged, p.path); err != nil {
		return err
	}
	return errors.Join(p.sync(), p.unchanged(p.path, built))
}

// FinishSwap moves a store that waits for the place, because a [Place.Swap] was interrupted,
// into it, if there is none. It reports whether the place is empty after that. Only then may
// a new store be made, or the network count as one without leases.
func (p Place) FinishSwap() (empty bool, err error) {
	for {
		before, err := p.asides()
		if err != nil {
			return false, err
		}
		if there, err := p.occupied(); there || err != nil {
			return false, err
		}
		waiting, err := p.waiting()
		if err != nil {
			return false, err
		}
		if waiting == "" {
			// It can have arrived between the two looks, and even have been
			// replaced again, which leaves something aside.
			there, err := p.occupied()
			if there || err != nil {
				return false, err
			}
			after, err := p.asides()
			if err == nil && !slices.Equal(before, after) {
				continue
			}
			return err == nil, err
		}
		if err := p.arrive(waiting); err != nil {
			return false, err
		}
	}
}

// replaced returns the paths aside of stores for whose successors there is
// something that waits.
func (p Place) replaced() (olds []string, err error) {
	names, err := p.asides()
	for _, name := range names {
		if old, ok := strings.CutSuffix(name, next); ok {
			olds = append(olds, filepath.Join(p.Dir(), old))
		}
	}
	return olds, err
}

// asides returns the names of what was set aside, and of what waits, in order.
func (p Place) asides() (names []string, err error) {
	entries, err := p.entries()
	for _, name := range entries {
		if k, ok := p.Parse(name); ok && k.Ending != export {
			names = append(names, name)
		}
	}
	return names, err
}

// entries returns the names of all that is not in use, in order.
func (p Place) entries() (names []string, err error) {
	if there, err := p.checkDir(); !there {
		return nil, err
	}
	entries, err := os.ReadDir(p.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// exists reports whether something is at path. What cannot be looked at is an error,
// and not absent.
func exists(stat func(string) (fs.FileInfo, error), path string) (bool, error) {
	_, err := stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// sync makes durable which names stores and what is not in use have.
func (p Place) sync() error {
	return errors.Join(durable.SyncDir(p.Dir()), durable.SyncDir(filepath.Dir(p.path)))
}
