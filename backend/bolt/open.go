package bolt

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/flock"
)

// openShared opens the store's file and locks it for reading. If there is none it
// returns [fs.ErrNotExist].
func (s *Store) openShared(ctx context.Context) (*os.File, error) {
	for {
		f, err := s.openStanding(os.O_RDONLY)
		if err != nil {
			return nil, err
		}
		if err := s.locked(f, flock.Shared(ctx, f)); err != nil {
			return nil, err
		}
		if names(s.path, f) {
			return f, nil
		}
		f.Close() // replaced while we waited: a read lock on the wrong file
	}
}

// openExclusive opens the store's file and locks it for writing. If there is none
// it opens a new one, which has another name until its first transaction is done;
// it says so by fresh.
//
// So those who meet a half-made file wait for its maker, and if the maker was
// killed, the next one to get the lock starts over.
func (s *Store) openExclusive(ctx context.Context) (f *os.File, fresh bool, err error) {
	for {
		f, err := s.openStanding(os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = s.openNew()
		}
		if err != nil {
			return nil, false, err
		}
		if err := s.locked(f, flock.Exclusive(ctx, f)); err != nil {
			return nil, false, err
		}
		if names(s.path, f) {
			return f, false, nil
		}
		if names(s.newPath(), f) && absent(s.path) {
			return f, true, nil
		}
		f.Close() // replaced while we waited: a lock on the wrong file
	}
}

// openStanding opens the store's file, or returns [fs.ErrNotExist] if there is none
// and none on its way from a migration.
func (s *Store) openStanding(flag int) (*os.File, error) {
	for {
		f, err := openRegular(s.path, flag)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		vacant, vacantErr := exchange.At(s.path).Vacant()
		if vacant || vacantErr != nil {
			return nil, cmp.Or(vacantErr, err)
		}
	}
}

// newPath is where the file is made before it is renamed into place.
func (s *Store) newPath() string {
	dir, name := filepath.Split(s.path)
	return dir + "." + name + ".new"
}

func (s *Store) openNew() (*os.File, error) {
	if err := durable.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return nil, s.explain(err)
	}
	f, err := openRegular(s.newPath(), os.O_RDWR|os.O_CREATE)
	return f, s.explain(err)
}

// openRegular opens a file that a bolt store can be in: a regular one.
func openRegular(path string, flag int) (*os.File, error) {
	f, err := openFile(path, flag, 0o600)
	if err != nil {
		// A migration can have exchanged it just now, and another one back again.
		info, statErr := os.Lstat(path)
		if errors.Is(err, syscall.EISDIR) || statErr == nil && !info.Mode().IsRegular() {
			return nil, &pathError{path, backend.ErrOtherStore}
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &pathError{path, backend.ErrOtherStore}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// locked turns the outcome of waiting for the lock of f into an error of the
// store, and closes f where it is still ours to close.
func (s *Store) locked(f *os.File, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return s.busy(err)
	default:
		f.Close()
		return s.fail(err)
	}
}

// names reports whether path names the open file f.
func names(path string, f *os.File) bool {
	there, err := os.Lstat(path)
	if err != nil {
		return false
	}
	here, err := f.Stat()
	return err == nil && os.SameFile(there, here)
}

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
