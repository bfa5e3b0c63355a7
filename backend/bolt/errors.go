package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// A pathError is an error with the path of the store.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// wrapPath adds the path of the store to err, unless it has one.
func (s *Store) wrapPath(err error) error {
	if p := (*pathError)(nil); errors.As(err, &p) {
		return err
	}
	return &pathError{s.path, err}
}

// wrapErr adds the path of the store to an error of bbolt or of the file system and, where
// there is one, the sentinel of package backend. It returns nil for nil.
func (s *Store) wrapErr(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrIncompatibleValue):
		return s.damaged(err)
	case errors.Is(err, backend.ErrNoSpace):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return s.wrapPath(&noSpaceError{err: err})
	default:
		return s.wrapPath(err)
	}
}

// syncErr says so in an error of bbolt if it was syncing the file: the only system call whose error
// bbolt returns as it is.
func syncErr(err error) error {
	if _, ok := err.(syscall.Errno); ok { //nolint:errorlint // An error that is wrapped says more.
		return fmt.Errorf("sync: %w", err)
	}
	return err
}

// busy returns [backend.ErrBusy] with the path of the store and its cause.
func (s *Store) busy(cause error) error {
	return s.wrapPath(fmt.Errorf("%w (%w)", backend.ErrBusy, cause))
}

// damaged returns [backend.ErrDamaged] with the path of the store and the reason.
func (s *Store) damaged(why any) error {
	return s.wrapPath(fmt.Errorf("%w: %v", backend.ErrDamaged, why))
}

// pageErr returns the error for what is wrong with a page. A page that the disk does not give is not
// damaged as far as is known: it may be there the next time.
func (s *Store) pageErr(f page.Fault) error {
	if isUnread(f) {
		return s.wrapPath(f)
	}
	return s.damaged(f)
}

// isUnread reports whether err is an error of reading a file, and not of what was read.
func isUnread(err error) bool {
	e := (*fs.PathError)(nil)
	return errors.As(err, &e) && e.Op == "read"
}

// guard runs op, which uses the file through bbolt, and turns a panic into
// [backend.ErrDamaged]. On a corrupt file bbolt panics, or touches memory beyond the end of
// the file, which transact has the runtime turn into a panic. So it does for a page that the disk
// does not give, which is another error: see unmapped.
//
// After a panic bbolt may hold any of its mutexes, so nothing of that DB may be called any
// more, not even Close: t.damage is set. A fault that a page.Checker has found does not set
// it, because bbolt has not seen the page.
func (t *session) guard(op func() error) (err error) {
	defer t.rescue(&err)
	return t.store.wrapErr(op())
}

// rescue turns a panic into an error. It is deferred around calls of bbolt.
func (t *session) rescue(err *error) {
	t.rescueFault(recover(), err)
}

// rescueFault turns what a recover has returned into an error.
func (t *session) rescueFault(recovered any, err *error) {
	switch p := recovered.(type) {
	case nil:
	case page.Fault:
		*err = t.store.damaged(p)
		t.failed = *err
	default:
		t.damage = t.store.wrapErr(t.unmapped(p))
		if t.damage == nil {
			t.damage = t.store.damaged(p)
		}
		*err = t.damage
	}
}

// rescueHistory is rescue for what only reads the history. A page.Fault does not keep the session from
// being committed.
func (t *session) rescueHistory(err *error) {
	failed := t.failed
	t.rescueFault(recover(), err)
	t.failed = failed
}

// A noSpaceError is [backend.ErrNoSpace] with its cause.
type noSpaceError struct {
	releasing bool // a lease was to be released, and none added
	err       error
}

func (e *noSpaceError) Error() string {
	if e.releasing {
		return "no space left to release a lease: " + e.err.Error()
	}
	return backend.ErrNoSpace.Error() + ": " + e.err.Error()
}

func (e *noSpaceError) Unwrap() []error { return []error{backend.ErrNoSpace, e.err} }

// joinErr returns err as it is if there is no further error, because Update promises its
// callers their own error.
func joinErr(err, further error) error {
	if further == nil {
		return err
	}
	return errors.Join(err, further)
}

// did not give when it was read through memory. It returns nil for any other panic: a corrupt page
// has led bbolt beyond the file, or the file was truncated.
func (t *session) unmapped(p any) error {
	fault, ok := p.(interface{ Addr() uintptr }) // see debug.SetPanicOnFault
	if !ok {
		return nil
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	i := mappingOf(t.db)
	if i == nil { // bbolt was opening the file, and had read nothing but the first pages.
		_, _, err := metaPagesOf(t.file)
		return err
	}
	at := int64(fault.Addr() - i.Data)
	if fault.Addr() < i.Data || at >= info.Size() {
		return nil
	}
	size := int64(i.PageSize)
	b := make([]byte, min(size, info.Size()-at/size*size))
	if _, err = t.file.ReadAt(b, at/size*size); err == nil {
		err = fmt.Errorf("%w, and it can be read again", syscall.EIO)
	}
	return page.Fault{Page: uint64(at / size), Part: "in use", Err: fmt.Errorf("page cannot be read: %w", err)}
}

// mappingOf returns where the file is in memory, or nil if it is not. It takes no lock.
func mappingOf(db *bbolt.DB) (i *bbolt.Info) {
	if db == nil {
		return nil
	}
	defer func() {
		if recover() != nil {
			i = nil // bbolt failed to map it again after it had grown.
		}
	}()
	return db.Info()
}
