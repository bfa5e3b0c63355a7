package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/backend"
)

// commit makes what the transaction wrote durable.
func (t *session) commit() error {
	err := t.write()
	if full := (*noSpaceError)(nil); t.due.puts == 0 && errors.As(err, &full) {
		full.releasing = t.due.changes > 0
	}
	if err == nil && t.how == creating {
		t.placed, err = t.store.place()
		err = t.store.explain(err)
	}
	if err == nil {
		err = t.settled()
		t.keepSpare()
	}
	closeErr := t.close()
	if err == nil {
		return nil // It is done, even if bbolt could not take back its lock before it closed the file.
	}
	return and(err, closeErr)
}

// write commits the transaction of bbolt. If there is no space for that, and a lease is to
// end, it removes the spare file and commits another transaction with the same changes.
func (t *session) write() error {
	undone, err := t.writeOnce()
	releases := t.due.changes > t.due.puts
	if !undone || !releases || !errors.Is(err, backend.ErrNoSpace) || !t.spend() {
		return err
	}
	if err := t.guard(t.remake); err != nil {
		return and(err, t.rollBack())
	}
	_, err = t.writeOnce()
	return err
}

// writeOnce commits the transaction of bbolt. If that fails it reports whether nothing has
// changed, as should be.
func (t *session) writeOnce() (undone bool, err error) {
	if err := t.guard(t.flush); err != nil {
		return false, and(err, t.rollBack())
	}
	id := t.bolt.ID()
	if err := t.guard(t.bolt.Commit); err != nil {
		if t.how != updating {
			return false, err
		}
		revokeErr := t.revoke(id)
		return revokeErr == nil && t.damage == nil, and(err, revokeErr)
	}
	return false, nil
}

// remake begins another transaction and makes all changes again.
func (t *session) remake() error {
	var err error
	if err = t.scout(); err != nil {
		return err
	}
	if t.bolt, err = t.db.Begin(true); err != nil {
		return err
	}
	t.memo = memo{}
	if err := t.bind(); err != nil {
		return err
	}
	if err := t.prepare(); err != nil {
		return err
	}
	return firstError(t.made...)
}

// Where a meta page of bbolt has its own number and that of its transaction.
const (
	pageIDOffset = 0
	txidOffset   = 64
)

// revoke makes sure that a transaction whose commit failed has no effect. If its
// meta page had been written and only the sync of it failed, later transactions
// would see what the caller was told did not happen. The meta page of the
// transaction before stands in the other of the two places, and so does all that
// it refers to: a copy of it takes the place of the failed one.
func (t *session) revoke(id int) error {
	pageSize := t.pageSize
	failed, last := int64(id%2), int64((id+1)%2)
	page := make([]byte, pageSize)
	if _, err := t.file.ReadAt(page, failed*int64(pageSize)); err != nil {
		return t.store.fail(err)
	}
	if binary.NativeEndian.Uint64(page[txidOffset:]) != uint64(id) {
		return nil // the commit failed before it
	}
	if _, err := t.file.ReadAt(page, last*int64(pageSize)); err != nil {
		return t.store.fail(err)
	}
	binary.NativeEndian.PutUint64(page[pageIDOffset:], uint64(failed))
	if _, err := t.file.WriteAt(page, failed*int64(pageSize)); err != nil {
		return t.store.fail(fmt.Errorf("take back a failed transaction: %w", err))
	}
	return t.store.explain(t.file.Sync())
}
