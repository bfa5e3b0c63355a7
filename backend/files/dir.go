package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/flock"
)

// A dir is the directory of a store, opened for one transaction. Whatever comes
// to stand at its path meanwhile, the transaction stays within this one.
type dir struct {
	path   string
	root   *os.Root
	self   *os.File    // the directory itself, to list and to sync
	lock   *os.File    // nil where a View found none
	locked fs.FileInfo // describes the lock, since it was taken
	step   func(op string, names ...string) error
	working
}

// openDir opens the directory, and creates it if that is wanted.
func openDir(path string, create bool) (*dir, error) {
	d, err := openStanding(path)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err := durable.MkdirAll(path, 0o755); err != nil {
			return nil, noSpace(cmp.Or(otherStore(path), err))
		}
		d, err = openRoot(path)
	}
	return d, err
}

// openStanding opens the directory, or returns [fs.ErrNotExist] if there is none and
// no store on its way from a migration.
func openStanding(path string) (*dir, error) {
	for {
		d, err := openRoot(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return d, err
		}
		empty, swapErr := exchange.At(path).FinishSwap()
		if empty || swapErr != nil {
			return nil, cmp.Or(swapErr, err)
		}
	}
}

func openRoot(path string) (*dir, error) {
	// To open a FIFO would take until somebody writes to it.
	if err := otherStore(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, cmp.Or(otherStore(path), wasOtherStore(path, err), err)
	}
	self, err := root.Open(".")
	if err != nil {
		root.Close() // The error of the open says more.
		return nil, &fs.PathError{Op: "open", Path: path, Err: cause(err)}
	}
	return &dir{path: path, root: root, self: self}, nil
}

// otherStore returns [backend.ErrOtherStore] if there is something at path that
// is not a directory, and an [exchange.LinkError] for a link to nothing: in its place
// no directory can be made.
func otherStore(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return exchange.CheckLink(path)
	case err != nil || info.IsDir():
		return nil // Whoever opens it meets the error, if it still is one.
	}
	return notDir(path)
}

// wasOtherStore is otherStore for what opening a directory has met: a migration can have
// put something else there just before, and another one the directory since.
func wasOtherStore(path string, err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return nil // The system refuses it.
	}
	return notDir(path) // Package os finds that out by itself, and says it only in words.
}

func notDir(path string) error {
	return fmt.Errorf("%s: %w: it is not a directory", path, backend.ErrOtherStore)
}

// openLock opens the lock file. A View makes do without where there is none,
// because the directory can be a copy, or on a medium that cannot be written.
func (d *dir) openLock(write bool) error {
	flag := os.O_RDONLY
	if write {
		flag |= os.O_CREATE
	}
	var err error
	d.lock, err = d.open(lockName, flag, 0o600)
	if !write && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// acquire waits for the lock until ctx ends.
func (d *dir) acquire(ctx context.Context, write bool) error {
	if d.lock == nil {
		return nil
	}
	lock := flock.Shared
	if write {
		lock = flock.Exclusive
	}
	err := lock(ctx, d.lock)
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		d.lock = nil // It belongs to the goroutine that still waits.
		return busy(filepath.Join(d.path, lockName), err)
	}
	return d.fail("lock", lockName, err)
}

// current reports whether the path still names this directory, and the lock file
// in it is the one that was locked: somebody may have removed either.
func (d *dir) current() (bool, error) {
	if here, err := d.isHere(); err != nil || !here {
		return false, err
	}
	return d.lockCurrent()
}

// isHere is current but for the lock file.
func (d *dir) isHere() (bool, error) {
	now, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !now.IsDir() {
		return false, notDir(d.path)
	}
	self, err := d.self.Stat()
	return err == nil && os.SameFile(now, self), err
}

func (d *dir) lockCurrent() (bool, error) {
	now, err := d.root.Lstat(lockName)
	if errors.Is(err, fs.ErrNotExist) {
		return d.lock == nil, nil
	}
	if err != nil || d.lock == nil {
		return false, err
	}
	d.locked, err = d.lock.Stat()
	return err == nil && os.SameFile(now, d.locked), err
}

// close ends the lock and the use of the directory.
func (d *dir) close() {
	// Nothing was written through these files, so their Close loses nothing.
	d.self.Close()
	d.root.Close()
	if d.lock != nil {
		d.lock.Close() // It ends the lock even if it returns an error.
	}
}

// fail returns the error of an operation on a file, with its whole path.
func (d *dir) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.path, name), Err: cause(err)}
}

// cause takes off what package os wraps around an error: it names the file
// without its directory.
func cause(err error) error {
	switch e := err.(type) { //nolint:errorlint // Only the outermost wrapper goes.
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	case *os.SyscallError:
		return e.Err
	}
	return err
}

// noSpace makes an error that says that the disk is full a [backend.ErrNoSpace].
func noSpace(err error) error {
	if isNoSpace(err) {
		return fmt.Errorf("%w: %w", backend.ErrNoSpace, err)
	}
	return err
}
