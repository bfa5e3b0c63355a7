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
		if info := infoAt(s.path, f); info != nil {
			if ok, err := s.admitted(f, info, viewing); ok || err != nil {
				return f, err
			}
			// It has to give way to its successor, which takes the lock of a writer.
			f.Close()
			if f, err = s.openStandingExclusive(ctx); err != nil {
				return nil, err
			}
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
		if errors.Is(err, fs.ErrNotExist) && !s.opts.existing {
			f, err = s.openNew()
		}
		if err != nil {
			return nil, false, err
		}
		if err := s.locked(f, flock.Exclusive(ctx, f)); err != nil {
			return nil, false, err
		}
		if info := infoAt(s.path, f); info != nil {
			if ok, err := s.admitted(f, info, updating); ok || err != nil {
				return f, false, err
			}
		}
		fresh, err := s.isFresh(f)
		if fresh {
			return f, true, nil
		}
		f.Close() // replaced while we waited: a lock on the wrong file
		if err != nil {
			return nil, false, err
		}
	}
}

// isFresh reports whether the locked file f is where a store can be made, and none is
// there by now. If f still has its name and is not, it is removed: a store that appeared
// meanwhile, of files for instance, whose maker does not know of f, would leave it behind.
func (s *Store) isFresh(f *os.File) (bool, error) {
	info := infoAt(s.newPath(), f)
	if info == nil {
		return false, nil
	}
	// A file with content was left by a killed maker, and is not used again: if the maker
	// had given it the store's name as well (durable.PutNew), it is a store, or was one,
	// whatever that is called by now.
	vacant, err := false, error(nil)
	if info.Size() == 0 && absent(s.path) {
		vacant, err = exchange.At(s.path).Vacant()
	}
	if vacant || err != nil {
		return vacant, err
	}
	return false, os.Remove(s.newPath())
}

// admitted reports whether the locked file f, which info describes, may be used: another
// store can have taken its place, and the path lead here through another mount. It is
// false if the store has to give way; after an error, f is closed. Of a store that was left
// clean, the mode of the file says all there is to know.
func (s *Store) admitted(f *os.File, info fs.FileInfo, how purpose) (ok bool, err error) {
	marked := exchange.Marked(info)
	if !marked && durable.IsSettled(info) {
		return true, nil
	}
	if ok, err = s.admit(f, info, how); err != nil {
		f.Close() // Nothing was written.
		return false, s.fail(err)
	}
	return ok, nil
}

func (s *Store) admit(f *os.File, info fs.FileInfo, how purpose) (ok bool, err error) {
	place := exchange.At(s.path)
	state, err := place.State(info)
	switch {
	case err != nil:
		return false, err
	case state == exchange.Replaced && !(how == viewing && s.opts.replaced):
		return false, backend.ErrReplaced
	case state == exchange.Unfinished && how == updating:
		return true, exchange.Unmark(f)
	case state == exchange.Left && !exchange.Marked(info):
		if how == viewing && s.opts.replaced {
			return true, nil
		}
		return false, place.ErrStranded()
	case state == exchange.Left && how == updating:
		// A process was killed before it did this. Only under the lock of this file
		// another gets its name.
		return false, os.Remove(s.path)
	}
	return state != exchange.Left, nil
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
	return dir + "." + exchange.Fit(name, exchange.MaxName-len(".")-len(".new")) + ".new"
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
		if errors.Is(err, fs.ErrPermission) && statErr == nil && exchange.Marked(info) {
			err = errors.Join(&pathError{path, backend.ErrReplaced}, err) // It may not be written to.
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

// infoAt describes the open file f if path names it, and returns nil if not.
func infoAt(path string, f *os.File) fs.FileInfo {
	there, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	here, err := f.Stat()
	if err != nil || !os.SameFile(there, here) {
		return nil
	}
	return here
}

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
