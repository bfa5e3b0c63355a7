package bolt

import (
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// checkBefore checks what the transaction before this one has left, and makes it durable. It
// reports whether one sync suffices for this one.
func (t *session) checkBefore() (canSeal bool, err error) {
	if t.mode == creating {
		return true, nil
	}
	f, metas := page.Open(t.file, t.size)
	if t.outcome, err = f.Outcome(metas); err != nil {
		return false, t.store.damaged(err)
	}
	if t.mode == viewing {
		return false, nil
	}
	if err := t.checkFreelist(f, metas); err != nil {
		return false, err
	}
	return metas.CanSeal(), t.syncBefore()
}

// checkFreelist validates the freelist, and the meta pages, before bbolt loads them to
// write. With a corrupt freelist bbolt would overwrite pages in use or allocate without
// bound.
func (t *session) checkFreelist(f page.File, metas page.MetaPages) error {
	id, ok := metas.Latest()
	if !ok {
		return nil // bbolt returns an error.
	}
	m := metas[id].Meta
	err := f.CheckComplete(m)
	if err == nil {
		err = metas.CheckSequence()
	}
	if err != nil {
		return t.store.damaged(page.MetaFault(id, err))
	}
	if m.Freelist == page.NoFreelist { // bbolt reads all trees to make one.
		if t.checked {
			return nil
		}
		err := t.store.check(t.file)
		t.checked = err == nil
		return err
	}
	t.end = m.End
	t.freelistPages = page.NewBitmap(m.End)
	if t.freePages, err = f.FreePages(m, t.freelistPages); err != nil {
		return t.store.damaged(page.FreelistFault(m, err))
	}
	return nil
}
