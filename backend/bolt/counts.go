package bolt

import (
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

// The counts are in the bucket meta, which is so small that it is on the page of the root: every
// transaction writes that page.

// Counts implements [backend.HistoryReadTx].
func (t *tx) Counts() (c backend.Counts, err error) {
	if err := t.usable(); err != nil {
		return c, err
	}
	defer t.rescueHistory(&err)
	c, err = format.DecodeCounts(t.metaBucket.Get(format.CountsKey))
	if err != nil {
		return c, t.store.damaged(err)
	}
	return c.Plus(t.cache.counts), nil
}

// Count implements [backend.HistoryTx].
func (t *tx) Count(more backend.Counts) error {
	if err := t.usable(); err != nil {
		return err
	}
	var before backend.Counts
	return t.change(func() error {
		before = t.cache.counts
		t.cache.counts = before.Plus(more)
		return nil
	}, func() error {
		t.cache.counts = before
		return nil
	})
}

// flushCounts adds what was counted to the counts of the store. Counts that cannot be read begin again:
// no lease depends on them, and verify reports them before.
func (t *session) flushCounts() error {
	if t.cache.counts == (backend.Counts{}) {
		return nil
	}
	before, err := format.DecodeCounts(t.metaBucket.Get(format.CountsKey))
	if err != nil {
		before = backend.Counts{}
	}
	return t.metaBucket.Put(format.CountsKey, format.EncodeCounts(before.Plus(t.cache.counts)))
}
