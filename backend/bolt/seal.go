package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
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

// outcomeOf returns the outcome of the last transaction of the locked file f. Damage is left for
// the next transaction to find.
func outcomeOf(f *os.File, why purpose) (page.Outcome, error) {
	file, metas, err := metaPagesOf(f)
	o := page.Unsealed
	if err == nil {
		o, err = file.Outcome(metas)
	}
	if errors.As(err, new(*page.SealError)) || why == examine && isUnread(err) {
		return page.Unsealed, nil
	}
	return o, err
}

// revokeInterrupted revokes the last transaction of the file, which is locked for writing and was
// interrupted: no caller was told that it succeeded.
func (s *Store) revokeInterrupted(f *os.File) error {
	err := revokeLast(f)
	if (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) && s.removeSpare() {
		err = revokeLast(f)
	}
	return s.wrapErr(err)
}

func revokeLast(f *os.File) error {
	file, metas, err := metaPagesOf(f)
	if err != nil {
		return err
	}
	id, _ := metas.Latest()
	return overwriteMeta(file, f, id)
}

// withoutInterrupted returns a copy of the file, which is locked for reading, without its last
// transaction, which was interrupted. It closes f.
func (s *Store) withoutInterrupted(f *os.File) (*os.File, error) {
	defer f.Close() // It was only read.
	to, err := disk.AnonymousFile()
	if err != nil {
		return nil, s.wrapPath(err)
	}
	if _, err = io.Copy(to, f); err != nil {
		err = s.copyReadable(to, f)
	}
	if err == nil {
		err = revokeLast(to)
	}
	if err != nil {
		return nil, s.wrapPath(errors.Join(err, to.Close()))
	}
	return to, nil
}

// copyReadable makes the copy for withoutInterrupted of a file that cannot be read as a whole. The
// pages that cannot be read must not be in use.
func (s *Store) copyReadable(to, f *os.File) error {
	c, file, err := inspectRevoked(f)
	if err := s.firstFault(c, err); err != nil {
		return err
	}
	if err := file.CopyReadable(to); err != nil {
		return err
	}
	return to.Truncate(file.Size) // The last pages may be missing.
}

// A revoked file is a file without its last transaction: one of its meta pages is another.
type revoked struct {
	io.ReaderAt
	meta []byte
	at   int64
}

func (r revoked) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, at)
	if from := max(at, r.at); from < min(at+int64(n), r.at+int64(len(r.meta))) {
		copy(b[from-at:n], r.meta[from-r.at:])
	}
	return n, err
}

// inspectAsIs is inspect for a file of which it is not known whether its last transaction was
// interrupted.
func inspectAsIs(f *os.File) (c *inspection, interrupted bool, err error) {
	o, err := outcomeOf(f, examine)
	switch {
	case err != nil:
		return &inspection{}, false, err
	case o == page.Interrupted:
		c, _, err = inspectRevoked(f)
	default:
		c, err = inspect(f)
	}
	return c, o == page.Interrupted, err
}

// inspectRevoked is inspect for a file whose last transaction was interrupted, as it was before.
func inspectRevoked(f *os.File) (*inspection, page.File, error) {
	file, metas, err := metaPagesOf(f)
	if err != nil {
		return &inspection{}, file, err
	}
	id, _ := metas.Latest()
	meta, err := file.OtherMeta(id)
	if err != nil {
		return &inspection{}, file, err
	}
	c, err := inspectAll(revoked{f, meta, int64(id) * file.PageSize}, file.Size)
	return c, file, err
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
	if err := t.writeSeal(txid); err != nil {
		return err
	}
	return syncErr(t.db.Sync())
}

// writeSeal writes the seal of the last transaction.
func (t *session) writeSeal(txid uint64) error {
	file, metas, err := metaPagesOf(t.file)
	if err != nil {
		return err
	}
	id, ok := metas.Latest()
	if !ok || metas[id].TxID != txid {
		return t.store.damaged(fmt.Sprintf("transaction %d is not the last one in the file", txid))
	}
	t.sealer = page.Sealer{File: file, ID: id, Meta: metas[id].Meta, Free: t.freePages, End: t.end}
	sector, err := t.sealedSector(t.sealer)
	if err != nil {
		return err
	}
	_, err = t.file.WriteAt(sector, int64(id)*file.PageSize)
	return err
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
	if err := syncErr(t.db.Sync()); err != nil { // There is no list of the pages, or a seal must not precede them.
		return nil, err
	}
	return s.SyncedSector()
}

// writeReceipt records that the transaction that the session has sealed is durable. If that fails,
// the next Update syncs. A session that only syncs what another process has left writes none: it
// can be of a migration, which has given the file to plugins with another lock by the time it ends.
func (t *session) writeReceipt() {
	if sector, err := t.sealer.Receipt(); err == nil {
		_, _ = t.file.WriteAt(sector, int64(1-t.sealer.ID)*t.sealer.PageSize) // Without it, the next Update syncs.
	}
}
