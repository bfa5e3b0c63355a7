package exchange

import (
	"cmp"
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
	"github.com/leasehold/leasehold/internal/owner"
	"github.com/leasehold/leasehold/internal/shell"
)

// A Place is the path of the store of a network.
type Place struct{ path string }

// At returns the place at path, <dataDir>/<network>.
func At(path string) Place { return Place{filepath.Clean(path)} }

// Dir returns the directory for stores that are not in use.
func (p Place) Dir() string { return filepath.Join(filepath.Dir(p.path), dirName) }

// MakeDir creates [Place.Dir] and the directories above it, durably. Only its owner can access it, unless
// others can make stores beside it: their plugins have to see that none waits there for its place.
func (p Place) MakeDir() error {
	dataDir := filepath.Dir(p.path)
	if err := durable.MkdirAll(dataDir, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(dataDir)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o700)
	if info.Mode()&othersWrite != 0 {
		mode = 0o755
	}
	if err := durable.MkdirAll(p.Dir(), mode); err != nil {
		return err
	}
	if _, err := p.checkDir(); err != nil {
		return err
	}
	// What is built there belongs to the owner of the directory, who could also exchange it.
	if own, err := os.Lstat(p.Dir()); err != nil || owner.IsForeign(own, info) {
		return cmp.Or(err, fmt.Errorf("%s belongs to neither root nor the owner of the data directory; give it to root: chown -R root: %s",
			p.Dir(), shell.Quote(p.Dir())))
	}
	return nil
}

const othersWrite = 0o022

// checkDir reports whether [Place.Dir] exists. A link in its place is an error: nothing may be
// moved or removed at its target.
func (p Place) checkDir() (there bool, err error) {
	info, err := os.Lstat(p.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	switch {
	case err != nil:
	case info.Mode()&fs.ModeSymlink != 0:
		err = &fs.PathError{Op: "open", Path: p.Dir(), Err: errDirNotFollowed}
	case !info.IsDir():
		err = &fs.PathError{Op: "open", Path: p.Dir(), Err: errors.New("it is not a directory")}
	}
	return err == nil, err
}

// Stat describes the store in the place; nil if there is none.
func (p Place) Stat() (fs.FileInfo, error) {
	info, err := os.Lstat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

// Lock waits until ctx ends for the right to make a store for this network. It is taken before
// the lock of the store in the place, and never while holding it, because plugins would have to
// wait as well. A [LockError] names the lock that was not obtained.
//
// Earlier versions took one lock for all networks. Lock takes it shared, which keeps them out.
func (p Place) Lock(ctx context.Context) (unlock func(), err error) {
	if err := p.MakeDir(); err != nil {
		return nil, err
	}
	all, err := lockFile(ctx, filepath.Join(p.Dir(), sharedLockName), flock.Shared)
	if err != nil {
		return nil, err
	}
	own, err := lockFile(ctx, p.pathFor(placeLockEnding), flock.Exclusive)
	if err != nil {
		all.Close() // Nothing was written.
		return nil, err
	}
	return func() { own.Close(); all.Close() }, nil // Nothing was written.
}

// LockClaim waits until ctx ends for the right to ask other hosts for addresses of this network,
// so that of many processes that need some only one asks. It is taken while holding no other lock,
// and keeps no plugin waiting. A [LockError] names the lock if it was not obtained.
func (p Place) LockClaim(ctx context.Context) (*os.File, error) {
	if err := p.MakeDir(); err != nil {
		return nil, err
	}
	return lockFile(ctx, p.pathFor(claimLockEnding), flock.Exclusive)
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
	f, err := openRegular(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = lock(ctx, f)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, &LockError{path, err} // The goroutine that still waits for the lock closes the file.
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
}

// PutNew moves the store at staged, which built describes, into the place, which must be empty.
// If another process makes a store there meanwhile it returns [fs.ErrExist].
func (p Place) PutNew(staged string, built fs.FileInfo) error {
	before, err := beforeMove(staged, built)
	if err := errors.Join(err, p.checkBuilt(staged, built)); err != nil {
		return err
	}
	// A plugin that makes a first store takes only the lock of that store, so the rename must not
	// replace it.
	if err := durable.PutNew(staged, p.path); err != nil {
		return err
	}
	return errors.Join(p.sync(), p.checkMovedAs(p.path, before))
}

// FinishSwap moves a store that waits for the place into it, after an interrupted [Place.Swap],
// if the place is empty. It reports whether the place is still empty after that. Only then may
// a new store be made, or the network count as one without leases.
func (p Place) FinishSwap() (empty bool, err error) {
	for {
		before, err := p.backupNames()
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
			// A store can have been moved in between the two checks, and even have been
			// replaced again, which leaves a backup.
			there, err := p.occupied()
			if there || err != nil {
				return false, err
			}
			after, err := p.backupNames()
			if err == nil && !slices.Equal(before, after) {
				continue
			}
			return err == nil, err
		}
		if err := p.moveIn(waiting); err != nil {
			return false, err
		}
	}
}

// replacedPaths returns the backup paths for which there is a waiting store.
func (p Place) replacedPaths() (olds []string, err error) {
	names, err := p.backupNames()
	for _, name := range names {
		if old, ok := strings.CutSuffix(name, nextEnding); ok {
			olds = append(olds, filepath.Join(p.Dir(), old))
		}
	}
	return olds, err
}

// backupNames returns the names of backups and waiting stores, sorted.
func (p Place) backupNames() (names []string, err error) {
	entries, err := p.entries()
	for _, name := range entries {
		if k, ok := p.Parse(name); ok && k.Ending != exportEnding {
			names = append(names, name)
		}
	}
	return names, err
}

// entries returns all names in [Place.Dir], sorted.
func (p Place) entries() (names []string, err error) {
	if there, err := p.checkDir(); !there {
		return nil, err
	}
	entries, err := os.ReadDir(p.Dir())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w; a store can wait there, so let the user of the plugin list it: chmod o+rx %s", err, shell.Quote(p.Dir()))
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// exists reports whether path exists. If that is not known, it returns an error.
func exists(stat func(string) (fs.FileInfo, error), path string) (bool, error) {
	_, err := stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// sync makes the names of all stores durable.
func (p Place) sync() error {
	return errors.Join(durable.SyncDir(p.Dir()), durable.SyncDir(filepath.Dir(p.path)))
}
