package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// metaPagesOf reads the meta pages of a file, both of them or none.
func metaPagesOf(f *os.File) (page.File, page.MetaPages, error) {
	info, err := f.Stat()
	if err != nil {
		return page.File{}, page.MetaPages{}, err
	}
	file, metas := page.Open(f, info.Size())
	return file, metas, metas.Unread()
}

// lastMeta is metaPagesOf, and returns the number of the meta page of a transaction, which must be
// the last one.
func (t *session) lastMeta(txid uint64) (file page.File, id int, m page.Meta, err error) {
	file, metas, err := metaPagesOf(t.file)
	if err != nil {
		return file, 0, m, err
	}
	id, ok := metas.Latest()
	if m = metas[id].Meta; !ok || m.TxID != txid {
		return file, 0, m, t.store.damaged(fmt.Sprintf("transaction %d is not the last one in the file", txid))
	}
	return file, id, m, nil
}

// outcomeOf returns the outcome of the last transaction of the locked file f. Damage is left for
// the next transaction to find.
func outcomeOf(f *os.File) (page.Outcome, error) {
	file, metas, err := metaPagesOf(f)
	if err != nil {
		return page.Unsealed, err
	}
	o, err := file.Outcome(metas)
	if damage := (*page.SealError)(nil); errors.As(err, &damage) {
		return page.Unsealed, nil
	}
	return o, err
}

// revokeInterrupted revokes the last transaction of the file, which is locked for writing and was
// interrupted. Nobody was told that it succeeded.
func (s *Store) revokeInterrupted(f *os.File) error {
	file, metas, err := metaPagesOf(f)
	if err != nil {
		return s.wrapErr(err)
	}
	id, _ := metas.Latest()
	err = overwriteMeta(file, f, id)
	if (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) && s.removeSpare() {
		err = overwriteMeta(file, f, id)
	}
	return s.wrapErr(err)
}

// withoutInterrupted returns a copy of the file, which is locked for reading, without its last
// transaction, which was interrupted. It closes f.
func (s *Store) withoutInterrupted(f *os.File) (*os.File, error) {
	defer f.Close() // It was only read.
	to, err := anonymousFile()
	if err != nil {
		return nil, s.wrapPath(err)
	}
	if _, err = io.Copy(to, f); err == nil {
		err = s.revokeInterrupted(to)
	}
	if err != nil {
		return nil, s.wrapPath(errors.Join(err, to.Close()))
	}
	return to, nil
}

// overwriteMeta overwrites a meta page by a copy of the other one.
func overwriteMeta(file page.File, to io.WriterAt, id int) error {
	b, err := file.OtherMeta(id)
	if err == nil {
		_, err = to.WriteAt(b, int64(id)*file.PageSize)
	}
	if err != nil {
		return fmt.Errorf("revoke a transaction that was interrupted or failed: %w", err)
	}
	return nil
}

// seal makes the transaction that bbolt has committed durable.
func (t *session) seal(txid uint64) error {
	file, id, meta, err := t.lastMeta(txid)
	if err != nil {
		return err
	}
	s := page.Sealer{File: file, ID: id, Meta: meta, Free: t.freePages, End: t.end}
	sector, err := t.sealedSector(s)
	if err != nil {
		return err
	}
	if _, err := t.file.WriteAt(sector, int64(id)*file.PageSize); err != nil {
		return err
	}
	t.sealed = txid
	return t.db.Sync()
}

// sealedSector returns what seal writes. It syncs what the seal does not cover.
func (t *session) sealedSector(s page.Sealer) ([]byte, error) {
	if t.mode == creating { // Nothing is seen of the file before the sync.
		return s.SyncedSector()
	}
	if t.db.NoSync && t.end > 0 {
		if sector, err := s.Sector(); sector != nil || err != nil {
			return sector, err
		}
	}
	if err := t.db.Sync(); err != nil { // The list is too long, or a seal must not precede the pages.
		return nil, err
	}
	return s.SyncedSector()
}

// sealCreated seals the last transaction of a file that is made aside, before the sync that makes
// all of it durable. The receipt is left to the next Update, which syncs the directory, too.
func (t *session) sealCreated() error {
	file, metas, err := metaPagesOf(t.file)
	if err != nil {
		return err
	}
	id, _ := metas.Latest()
	sector, err := page.Sealer{File: file, ID: id, Meta: metas[id].Meta}.SyncedSector()
	if err != nil {
		return err
	}
	_, err = t.file.WriteAt(sector, int64(id)*file.PageSize)
	return err
}

// writeReceipt records that the transaction that the session has sealed is durable. If that fails,
// the next Update syncs. A session that only syncs what another process has left writes none: it
// can be of a migration, which has given the file to plugins with another lock by the time it ends.
func (t *session) writeReceipt() {
	file, id, _, err := t.lastMeta(t.sealed)
	if err != nil {
		return
	}
	if sector, err := file.Receipt(id, t.sealed); err == nil {
		_, _ = t.file.WriteAt(sector, int64(1-id)*file.PageSize) // Without it, the next Update syncs.
	}
}
