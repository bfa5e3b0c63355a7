package bolt

import (
	"errors"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
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
		t.writeReceipt()
		err = t.checkMark()
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
// changes. If there is no spare file, that transaction leaves out the changes of the history.
//
// If a part of the history is damaged, only that transaction is committed: a lease can end all the same.
func (t *session) write() error {
	if t.lost != nil {
		if err := joinErr(t.rollBack(), t.guard(func() error { return t.remake(false) })); err != nil {
			return joinErr(err, t.rollBack())
		}
	}
	undone, err := t.writeOnce()
	releases := t.pending.changes > t.pending.puts
	if !releases || !errors.Is(err, backend.ErrNoSpace) {
		return err
	}
	removed := t.store.removeSpare()
	if !undone || !removed && !t.changesHistory() {
		return err // The next attempt has the space.
	}
	if err := t.guard(func() error { return t.remake(removed) }); err != nil {
		return joinErr(err, t.rollBack())
	}
	_, err = t.writeOnce()
	return err
}

// writeOnce commits the transaction of bbolt. If that fails, undone reports whether another one can
// be made: the file is as it was before, and bbolt has not committed. After a commit that was
// revoked, bbolt takes the pages that it freed for free, which are in use again.
func (t *session) writeOnce() (undone bool, err error) {
	if err := t.guard(t.flush); err != nil {
		return false, joinErr(err, t.rollBack())
	}
	id := t.bolt.ID()
	err = t.guard(func() error { return syncErr(t.bolt.Commit()) })
	committed := err == nil
	if committed {
		err = t.store.wrapErr(t.seal(uint64(id)))
	}
	if err == nil || t.mode != updating {
		return false, err
	}
	revokeErr := t.store.wrapErr(t.revoke(uint64(id)))
	return !committed && revokeErr == nil && t.damage == nil, joinErr(err, revokeErr)
}

// checkMark returns [exchange.ErrUnderway] if a migration that has another lock may have missed
// the transaction: it first marks the file, and then checks whether it was changed, so that one of
// the two notices the other.
func (t *session) checkMark() error {
	fileMode, err := durable.FreshMode(t.file)
	if err != nil {
		return nil // The transaction is durable, and an error would say that it has not happened.
	}
	return t.store.wrapErr(exchange.CheckEnd(t.store.path, t.file, t.file, fileMode))
}

// flush writes to the buckets what they lack of the cache.
func (t *session) flush() error {
	for set, addr := range t.cache.cursors {
		if err := t.cursors.Put([]byte(set), format.AddrKey(addr)); err != nil {
			return err
		}
	}
	if err := t.flushCounts(); err != nil {
		return err
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

// changesHistory reports whether the transaction changes the history.
func (t *session) changesHistory() bool {
	return slices.ContainsFunc(t.redo, func(c step) bool { return c.ofHistory })
}

// remake begins another transaction of bbolt and makes all changes again; changes of the history
// only if withHistory is set.
func (t *session) remake(withHistory bool) error {
	f, metas, err := metaPagesOf(t.file)
	if err != nil {
		return err
	}
	if err := t.checkFreelist(f, metas); err != nil {
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
	for _, c := range t.redo {
		if c.ofHistory && !withHistory {
			continue
		}
		if err := c.do(); err != nil {
			return err
		}
	}
	if !withHistory {
		t.cache.counts = t.cache.counts.Plus(backend.Counts{Gap: t.recorded})
	}
	return nil
}

// revoke undoes a transaction whose commit failed. If its meta page was written, later
// transactions would see what its callers were told did not happen. The other meta page is of the
// transaction before, and all that it refers to is still there: a copy of it overwrites the failed
// one.
func (t *session) revoke(txid uint64) error {
	f, metas, err := metaPagesOf(t.file)
	if err != nil {
		return err
	}
	id, ok := metas.Latest()
	if !ok || metas[id].TxID != txid {
		return nil // The commit failed before it.
	}
	if err := overwriteMeta(f, t.file, id); err != nil {
		return err
	}
	return t.file.Sync()
}
