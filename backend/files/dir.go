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

// A dir is the directory of a store, opened for one transaction. The transaction stays in this
// directory even if its path comes to name another one.
type dir struct {
	path   string
	root   *os.Root
	self   *os.File    // the directory itself, to list and to sync
	lock   *os.File    // nil if a View found none
	locked fs.FileInfo // of the lock file, once it is locked
	step   func(op string, names ...string) error
	txState
}

// openDir opens the directory. If create is set, it creates a missing one.
func openDir(path string, create bool) (*dir, error) {
	d, err := openExisting(path)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err := durable.MkdirAll(path, 0o755); err != nil {
			return nil, noSpace(cmp.Or(checkIsDir(path), err))
		}
		d, err = openRoot(path)
	}
	return d, err
}

// openExisting opens the directory. It returns [fs.ErrNotExist] if there is none, and no store
// waits to be moved there.
func openExisting(path string) (*dir, error) {
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
	// Opening a FIFO would block until a process opens it for writing.
	if err := checkIsDir(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, cmp.Or(checkIsDir(path), wasNotDir(path, err), err)
	}
	self, err := root.Open(".")
	if err != nil {
		root.Close() // The error of the open says more.
		return nil, &fs.PathError{Op: "open", Path: path, Err: cause(err)}
	}
	return &dir{path: path, root: root, self: self}, nil
}

// checkIsDir returns [backend.ErrOtherStore] if path exists and is not a directory, and an
// [exchange.LinkError] for a dangling link, where no directory can be created.
func checkIsDir(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return exchange.CheckLink(path)
	case err != nil || info.IsDir():
		return nil // Opening it will return the error, if it persists.
	}
	return notDir(path)
}

// wasNotDir is checkIsDir for an error of opening the directory: a migration can have put
// another kind of store there just before, and a directory since.
func wasNotDir(path string, err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return nil // It comes from the kernel.
	}
	return notDir(path) // Package os checks this itself, and has no error value for it.
}

func notDir(path string) error {
	return fmt.Errorf("%s: %w: it is not a directory", path, backend.ErrOtherStore)
}

// openLock opens the lock file. A View works without one, because the directory can be a copy,
// or on a read-only medium.
func (d *dir) openLock(write bool) error {
	flag := os.O_RDONLY
	if write {
		flag |= os.O_CREATE
	}
	var err error
	d.lock, err = d.open(lockName, flag, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return d.fail("open", lockName, exchange.ErrFileNotFollowed)
	}
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
		d.lock = nil // The goroutine that still waits for the lock closes it.
		return busy(filepath.Join(d.path, lockName), err)
	}
	return d.fail("lock", lockName, err)
}

// current reports whether the path still names this directory, and the locked file is still its
// lock file. Another process may have removed either.
func (d *dir) current() (bool, error) {
	if here, err := d.isAtPath(); err != nil || !here {
		return false, err
	}
	return d.lockCurrent()
}

// isAtPath reports whether the path still names this directory.
func (d *dir) isAtPath() (bool, error) {
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
		return false, d.fail("stat", lockName, err)
	}
	d.locked, err = d.lock.Stat()
	return err == nil && os.SameFile(now, d.locked), err
}

// close releases the lock and the directory.
func (d *dir) close() {
	if d.dirty {
		_ = d.checkEnd(exchange.UnknownMode) // A transaction that fails may have erased the mark, too.
	}
	// Nothing was written through these files, so their Close loses nothing.
	d.self.Close()
	d.root.Close()
	if d.lock != nil {
		d.lock.Close() // It ends the lock even if it returns an error.
	}
}

// fail adds the operation and the full path of the file to an error.
func (d *dir) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.path, name), Err: cause(err)}
}

// cause removes the wrapping of package os, which names the file without its directory.
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

// noSpace adds [backend.ErrNoSpace] to an error that means that the disk is full.
func noSpace(err error) error {
	if isNoSpace(err) {
		return fmt.Errorf("%w: %w", backend.ErrNoSpace, err)
	}
	return err
}
