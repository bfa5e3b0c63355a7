package bolt

import (
	"errors"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/leasehold/leasehold/backend"
)

// guard runs op, which works on the file through bbolt. Where the file is
// damaged bbolt panics, or touches memory that has no file behind it, which
// transact has the runtime turn into a panic; guard makes it [backend.ErrDamaged].
//
// After a panic of its own bbolt may hold any of its mutexes, so nothing of that DB must
// be called any more, not even Close; t.damage says so. Where a trail has found a
// fault, bbolt has not seen it.
func (t *session) guard(op func() error) (err error) {
	defer t.rescue(&err)
	return t.store.explain(op())
}

// rescue is deferred where bbolt may panic.
func (t *session) rescue(err *error) {
	switch p := recover().(type) {
	case nil:
	case fault:
		*err = t.store.damaged(p)
		t.failed = *err
	default:
		t.damage = t.store.damaged(p)
		*err = t.damage
	}
}

// explain puts the name of the file and, where there is one, the sentinel of
// package backend to an error of bbolt or of the file system.
func (s *Store) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrIncompatibleValue):
		return s.damaged(err)
	case errors.Is(err, backend.ErrNoSpace):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return s.fail(&noSpaceError{err: err})
	default:
		return s.fail(err)
	}
}

// A noSpaceError is [backend.ErrNoSpace] with its cause.
type noSpaceError struct {
	releasing bool // a lease, and not adding one
	err       error
}

func (e *noSpaceError) Error() string {
	if e.releasing {
		return "no space left to release a lease: " + e.err.Error()
	}
	return backend.ErrNoSpace.Error() + ": " + e.err.Error()
}

func (e *noSpaceError) Unwrap() []error { return []error{backend.ErrNoSpace, e.err} }
