package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// commit makes durable what the transaction wrote.
func (t *session) commit() error {
	err := t.write()
	if full := (*noSpaceError)(nil); t.pending.puts == 0 && errors.As(err, &full) {
		full.releasing = t.pending.changes > 0
	}
	if err == nil && t.mode == creating {
		t.renamed, err = t.store.putInPlace()
		err = t.store.wrapErr(err)
	}
	if err == nil {
		err = t.markClean()
		t.keepSpare()
	}
	closeErr := t.close()
	if err == nil {
		return nil // It is durable, even if bbolt could not unlock the file before closing it.
	}
	return joinErr(err, closeErr)
}

// write commits the transaction of bbolt. If there is no space for that, and the
// session releases a lease, it removes the spare file and commits another transaction with the same
// changes.
func (t *session) write() error {
	undone, err := t.writeOnce()
	releases := t.pending.changes > t.pending.puts
	if !undone || !releases || !errors.Is(err, backend.ErrNoSpace) || !t.removeSpare() {
		return err
	}
	if err := t.guard(t.remake); err != nil {
		return joinErr(err, t.rollBack())
	}
	_, err = t.writeOnce()
	return err
}

// writeOnce commits the transaction of bbolt. If that fails, undone reports whether the file
// is as it was before.
func (t *session) writeOnce() (undone bool, err error) {
	if err := t.guard(t.flush); err != nil {
		return false, joinErr(err, t.rollBack())
	}
	id := t.bolt.ID()
	if err := t.guard(t.bolt.Commit); err != nil {
		if t.mode != updating {
			return false, err
		}
		revokeErr := t.revoke(id)
		return revokeErr == nil && t.damage == nil, joinErr(err, revokeErr)
	}
	return false, nil
}

// flush writes to the buckets what they lack of the cache.
func (t *session) flush() error {
	for set, addr := range t.cache.cursors {
		if err := t.cursors.Put([]byte(set), format.AddrKey(addr)); err != nil {
			return err
		}
	}
	return t.flushRun()
}

func (t *session) flushRun() error {
	if !t.cache.runDirty {
		return nil
	}
	t.cache.runDirty = false
	return t.runs.Put(format.AddrKey(t.cache.run.First), format.AddrKey(t.cache.run.Last))
}

// remake begins another transaction of bbolt and makes all changes again.
func (t *session) remake() error {
	var err error
	if err = t.checkFreelist(); err != nil {
		return err
	}
	if t.bolt, err = t.db.Begin(true); err != nil {
		return err
	}
	t.cache = txCache{}
	if err := t.bind(); err != nil {
		return err
	}
	if err := t.prepare(); err != nil {
		return err
	}
	return firstError(t.redo...)
}

// Offsets in a meta page of bbolt: of its own page number, and of its transaction.
const (
	pageIDOffset = 0
	txidOffset   = page.HeaderLen + 48
)

// revoke undoes a transaction whose commit failed. If its meta page was written and only the
// sync of it failed, later transactions would see what its callers were told did not happen.
// The other meta page is of the transaction before, and all that it refers to is still
// there: a copy of it overwrites the failed one.
func (t *session) revoke(id int) error {
	pageSize := t.pageSize
	failed, last := int64(id%2), int64((id+1)%2)
	meta := make([]byte, pageSize)
	if _, err := t.file.ReadAt(meta, failed*int64(pageSize)); err != nil {
		return t.store.wrapPath(err)
	}
	if binary.NativeEndian.Uint64(meta[txidOffset:]) != uint64(id) {
		return nil // The commit failed before it.
	}
	if _, err := t.file.ReadAt(meta, last*int64(pageSize)); err != nil {
		return t.store.wrapPath(err)
	}
	binary.NativeEndian.PutUint64(meta[pageIDOffset:], uint64(failed))
	if _, err := t.file.WriteAt(meta, failed*int64(pageSize)); err != nil {
		return t.store.wrapPath(fmt.Errorf("revoke a failed transaction: %w", err))
	}
	return t.store.wrapErr(t.file.Sync())
}
