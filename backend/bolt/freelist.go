package bolt

import (
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// checkFreelist validates the freelist, and the meta pages, before bbolt loads them to
// write. With a corrupt freelist bbolt would overwrite pages in use or allocate without
// bound.
func (t *session) checkFreelist() error {
	if t.mode != updating || t.checked {
		return nil
	}
	f, metas := page.Open(t.file, t.size)
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
		err := t.store.check(t.file)
		t.checked = err == nil
		return err
	}
	t.freelistPages = page.NewBitmap(m.End)
	if t.freePages, err = f.FreePages(m, t.freelistPages); err != nil {
		return t.store.damaged(page.FreelistFault(m, err))
	}
	return nil
}
