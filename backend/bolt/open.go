package bolt

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
	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/flock"
)

// A purpose is for what a file is opened.
type purpose int

const (
	// use: an error of the disk that hides which transaction is the last is an error.
	use purpose = iota

	// examine: whatever can be read of the file is of interest. A file that is opened shared has
	// its last transaction even if that was interrupted.
	examine
)

// openShared opens the store's file and locks it for reading. If there is none it returns
// [fs.ErrNotExist].
func (s *Store) openShared(ctx context.Context, why purpose) (*os.File, error) {
	for {
		f, err := s.openExisting(os.O_RDONLY)
		if err != nil {
			return nil, err
		}
		if err := s.lockErr(f, flock.Shared(ctx, f)); err != nil {
			return nil, err
		}
		if info := infoAt(s.path, f); info != nil {
			o, err := outcomeOf(f, why)
			if err != nil {
				f.Close() // It was only read.
				return nil, s.wrapErr(err)
			}
			ok, err := s.admit(f, info, viewing, o)
			if ok && o == page.Interrupted && why == use {
				return s.withoutInterrupted(f)
			}
			if ok || err != nil {
				return f, err
			}
			// It has to give way to its successor, which takes an exclusive lock.
			f.Close() // Nothing was written.
			if f, _, err = s.openExclusive(ctx, why, false); err != nil {
				return nil, err
			}
		}
		f.Close() // It was replaced while we waited, or is locked for writing.
	}
}

// openExclusive opens the store's file and locks it for writing. If there is none, and create
// is true, it opens a new file, which has another name until its first transaction is
// committed; fresh reports that.
//
// So a process that finds a half-made file waits for its maker, and if the maker is killed,
// the next process that gets the lock starts over.
func (s *Store) openExclusive(ctx context.Context, why purpose, create bool) (f *os.File, fresh bool, err error) {
	for {
		f, err := s.openToWrite(ctx, create)
		if err != nil {
			return nil, false, err
		}
		if err := s.lockErr(f, flock.Exclusive(ctx, f)); err != nil {
			return nil, false, err
		}
		if info := infoAt(s.path, f); info != nil {
			o, err := outcomeOf(f, why)
			if err != nil {
				f.Close() // Nothing was written.
				return nil, false, s.wrapErr(err)
			}
			ok, err := s.admit(f, info, updating, o)
			if ok && o == page.Interrupted {
				if err = s.revokeInterrupted(f); err != nil {
					f.Close() // Whatever was written is written again.
				}
			}
			if ok || err != nil {
				return f, false, err
			}
		}
		fresh, err := s.isFresh(f)
		if fresh {
			return f, true, nil
		}
		f.Close() // It was replaced while we waited.
		if err != nil {
			return nil, false, err
		}
	}
}

// openToWrite opens the store's file. If it is missing and create is true, it opens a new one.
func (s *Store) openToWrite(ctx context.Context, create bool) (*os.File, error) {
	for {
		f, err := s.openExisting(os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) && create {
			f, err = s.openNew()
		}
		if !errors.Is(err, backend.ErrReplaced) || !errors.Is(err, fs.ErrPermission) {
			return f, err
		}
		if retry, unmarkErr := s.unmark(ctx); !retry || unmarkErr != nil {
			return nil, cmp.Or(unmarkErr, err)
		}
	}
}

// unmark removes the mark of a store whose successor was not put in its place: users other than root
// cannot open it for writing before. It reports whether to try again, and not if the store was replaced.
func (s *Store) unmark(ctx context.Context) (retry bool, err error) {
	f, err := openRegular(s.path, os.O_RDONLY)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), s.wrapErr(err)
	}
	if err := s.lockErr(f, flock.Exclusive(ctx, f)); err != nil {
		return false, err
	}
	defer f.Close() // Nothing is written but the mode, which is synced.
	info := infoAt(s.path, f)
	if info == nil || !exchange.Marked(info) {
		return true, nil
	}
	place := exchange.At(s.path)
	state, err := place.State(info)
	switch {
	case err != nil:
		return false, s.wrapPath(err)
	case state == exchange.Unfinished:
		return true, s.wrapErr(place.TakeIntoUse(f, f))
	case state == exchange.MustGiveWay:
		return true, s.wrapErr(s.giveWay(f))
	}
	return false, nil
}

// isFresh reports whether a store can be made in the locked file f, and there is still none.
// If f has the name of a new file and cannot be used, it is removed: a store that appeared
// meanwhile, of files for instance, whose maker does not know of f, would leave it behind.
func (s *Store) isFresh(f *os.File) (bool, error) {
	info := infoAt(s.newPath(), f)
	if info == nil {
		return false, nil
	}
	// A file with content was left by a killed maker, and is not used again: if the maker
	// had given it the store's name as well (durable.PutNew), it is a store, or was one,
	// under whatever name it has by now.
	empty, err := false, error(nil)
	if info.Size() == 0 && isAbsent(s.path) {
		empty, err = exchange.At(s.path).FinishSwap()
	}
	if empty || err != nil {
		return empty, err
	}
	return false, os.Remove(s.newPath())
}

// admit reports whether the locked file f, described by info, may be used: another store can
// have replaced it, and the path lead here through another mount. It is false if the store
// has to give way; after an error f is closed. o is the outcome of its last transaction: for a
// View, which need not have access to [exchange.Place.Dir], and where there is a receipt, the mode
// of the file says all there is to know.
func (s *Store) admit(f *os.File, info fs.FileInfo, m mode, o page.Outcome) (ok bool, err error) {
	if !exchange.Marked(info) && (o == page.Durable || m == viewing) {
		return true, nil
	}
	if ok, err = s.admitDirty(f, info, m); err != nil {
		f.Close() // Nothing was written.
		return false, s.wrapPath(err)
	}
	return ok, nil
}

func (s *Store) admitDirty(f *os.File, info fs.FileInfo, m mode) (ok bool, err error) {
	place := exchange.At(s.path)
	state, err := place.State(info)
	switch {
	case err != nil:
		return false, err
	case state == exchange.Replaced && !(m == viewing && s.opts.replaced):
		return false, backend.ErrReplaced
	case state == exchange.Unfinished && m == updating:
		return true, place.TakeIntoUse(f, f)
	case state == exchange.MustGiveWay && !exchange.Marked(info):
		return false, place.CheckBlocked()
	case state == exchange.MustGiveWay && m == updating:
		return false, s.giveWay(f)
	}
	return state != exchange.MustGiveWay, nil
}

// giveWay removes the file from its path. The process that should have done that was killed, or
// has a lock of another mount, and may be about to do it.
func (s *Store) giveWay(f *os.File) error {
	if infoAt(s.path, f) == nil {
		return nil
	}
	return os.Remove(s.path)
}

// openExisting opens the store's file, and first moves a store that waits for the path to it if
// there is none. It returns [fs.ErrNotExist] if neither exists.
func (s *Store) openExisting(flag int) (*os.File, error) {
	for {
		f, err := openRegular(s.path, flag)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		empty, swapErr := exchange.At(s.path).FinishSwap()
		if empty || swapErr != nil {
			return nil, cmp.Or(swapErr, err)
		}
	}
}

// newPath is where the file is made before it is renamed.
func (s *Store) newPath() string {
	dir, name := filepath.Split(s.path)
	return dir + "." + exchange.Fit(name, exchange.MaxName-len(".")-len(".new")) + ".new"
}

func (s *Store) openNew() (*os.File, error) {
	if err := durable.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return nil, s.wrapErr(err)
	}
	f, err := openRegular(s.newPath(), os.O_RDWR|os.O_CREATE)
	return f, s.wrapErr(err)
}

// putInPlace gives a new file, whose first transaction has been committed, the name of the
// store. So a kill or power cut leaves either no store or a whole one. bbolt's own way to
// create a file can leave one on which every later open fails or panics.
//
// After an error the file is gone. renamed reports whether it had the store's name.
//
// If another store has appeared at the path meanwhile, that one stays: programs that make
// stores of files, the stock plugin among them, do not know of the lock of the new file.
func (s *Store) putInPlace() (renamed bool, err error) {
	err = durable.PutNew(s.newPath(), s.path)
	if errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("%w: it was made at the same time; nothing was written", backend.ErrOtherStore)
	}
	if err != nil {
		return false, err
	}
	err = exchange.At(s.path).CheckBlocked()
	if err != nil {
		// Since the path was found empty, another store was made, and a migration of it was
		// interrupted: its successor waits for the path.
		err = fmt.Errorf("%w: %w", backend.ErrBusy, err)
	} else {
		// The process that made the directories above may have been killed before it synced.
		err = durable.SyncPath(filepath.Dir(s.path))
	}
	if err != nil {
		// The caller learns that nothing happened.
		err = errors.Join(err, os.Remove(s.path))
	}
	return true, err
}

// discard removes a new file to which nothing was committed.
func (s *Store) discard() error { return os.Remove(s.newPath()) }

// openRegular opens a regular file. Anything else cannot be a bolt store.
func openRegular(path string, flag int) (*os.File, error) {
	f, err := disk.OpenFile(path, flag, 0o600)
	if err != nil {
		// A migration can have replaced it just now, and another one can have undone that.
		info, statErr := os.Lstat(path)
		if errors.Is(err, syscall.EISDIR) || statErr == nil && !info.Mode().IsRegular() {
			return nil, &pathError{path, backend.ErrOtherStore}
		}
		if errors.Is(err, fs.ErrPermission) && statErr == nil && exchange.Marked(info) {
			err = errors.Join(&pathError{path, backend.ErrReplaced}, err) // It is read-only.
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &pathError{path, backend.ErrOtherStore}
	}
	if err != nil {
		f.Close() // Nothing was written.
		return nil, err
	}
	return f, nil
}

// lockErr turns the result of waiting for the lock of f into an error of the store. After an
// error f is closed, or belongs to the goroutine that still waits.
func (s *Store) lockErr(f *os.File, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return s.busy(err)
	default:
		f.Close() // Nothing was written.
		return s.wrapPath(err)
	}
}

// infoAt describes the open file f if it is the one at path, and otherwise returns nil.
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

func isAbsent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
