package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// metaPagesOf reads the meta pages of a file.
func metaPagesOf(f *os.File) (page.File, page.MetaPages, error) {
	info, err := f.Stat()
	if err != nil {
		return page.File{}, page.MetaPages{}, err
	}
	file, metas := page.Open(f, info.Size())
	return file, metas, nil
}

func (t *session) metaPages() (page.File, page.MetaPages, error) { return metaPagesOf(t.file) }

// outcomeOf returns the outcome of the last transaction of the locked file f. Damage is left for
// the next transaction to find.
func outcomeOf(f *os.File) page.Outcome {
	file, metas, err := metaPagesOf(f)
	if err != nil {
		return page.Unsealed
	}
	o, err := file.Outcome(metas)
	if err != nil {
		return page.Unsealed
	}
	return o
}

// revokeInterrupted revokes the last transaction of the file, which is locked for writing and was
// interrupted. Nobody was told that it succeeded.
func (s *Store) revokeInterrupted(f *os.File) error {
	file, metas, err := metaPagesOf(f)
	if err == nil {
		id, _ := metas.Latest()
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
func (t *session) seal() error {
	file, metas, err := t.metaPages()
	if err != nil {
		return err
	}
	id, _ := metas.Latest()
	s := page.Sealer{File: file, ID: id, Meta: metas[id].Meta, Free: t.freePages, End: t.end}
	sector, err := t.sealedSector(s)
	if err != nil {
		return err
	}
	if _, err := t.file.WriteAt(sector, int64(id)*file.PageSize); err != nil {
		return err
	}
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
	file, metas, err := t.metaPages()
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

// writeReceipt records that the transaction that the session has sealed is durable. A session that
// only syncs what another process has left writes none: it can be of a migration, which has given
// the file to plugins with another lock by the time it ends.
func (t *session) writeReceipt() {
	file, metas, err := t.metaPages()
	if err != nil {
		return
	}
	id, ok := metas.Latest()
	if !ok {
		return
	}
	if sector, err := file.Receipt(id, metas[id].TxID); err == nil {
		_, _ = t.file.WriteAt(sector, int64(1-id)*file.PageSize) // Without it, the next Update syncs.
	}
}
