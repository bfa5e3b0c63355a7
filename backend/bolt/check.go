package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// bbolt leaves up to four elements on a page that they do not fit into. This does not
// compile if a page that is longer than page.MaxLen can have leases on it.
var _ [page.MaxLen - page.HeaderLen - 4*(page.ElementLen+format.MaxEntry) - page.MaxSize]struct{}

// check checks all pages of the locked file f, as [Checked] asks for; what every transaction
// checks is in [session.checkBefore]. It returns an error if anything there can make bbolt
// panic, loop, touch memory beyond the file, or allocate without bound.
func (s *Store) check(f *os.File) error {
	return s.firstFault(inspect(f))
}

// firstFault returns the first fault that was found, or the error of the inspection.
func (s *Store) firstFault(c *inspection, err error) error {
	if err == nil && !c.faults.None() {
		err = c.faults.List[0]
	}
	if f := (page.Fault{}); errors.As(err, &f) {
		return s.pageErr(f)
	}
	if err != nil {
		return s.wrapPath(err)
	}
	return nil
}

// An inspection is the result of checking all pages of a file.
type inspection struct {
	unsupported error       // the file is not a lease store, or not of this version
	faults      page.Errors // bbolt must not read the file
	lostMetas   page.Errors // bbolt works without
	altered     error       // a page has changed since the last transaction: see [page.File.CheckDurable]
}

// inspect checks all pages of a file. It returns an error if the file cannot be read or is
// unsupported.
func inspect(f *os.File) (*inspection, error) {
	info, err := f.Stat()
	if err != nil {
		return &inspection{}, err
	}
	return inspectAll(f, info.Size())
}

func inspectAll(r io.ReaderAt, size int64) (*inspection, error) {
	c := &inspection{}
	file, metas := page.Open(r, size)
	if metas.Unread() != nil {
		return c, c.addUnread(metas)
	}
	c.addMetas(metas)
	id, ok := metas.Latest()
	if !ok {
		c.faults = c.lostMetas
		return c, nil
	}
	m := metas[id].Meta
	if err := file.CheckComplete(m); err != nil {
		c.report(page.MetaFault(id, err))
		return c, nil
	}
	if err := metas.CheckSequence(); err != nil {
		c.report(page.MetaFault(id, err))
	} else if o, err := file.Outcome(metas); err != nil { // It is lost, or the disk does not give its pages.
		c.report(page.MetaFault(id, err))
		c.faults.Join(c.lostMetas)
	} else {
		c.altered = file.CheckDurable(metas, o)
	}
	c.walk(file, m)
	return c, c.unsupported
}

func (c *inspection) addMetas(metas page.MetaPages) {
	for id, m := range metas {
		if m.Err != nil {
			c.lostMetas.Add(errFault(page.MetaFault(id, m.Err)))
		}
		if m.Wrong != nil {
			c.report(page.MetaFault(id, m.Wrong))
		}
	}
}

// addUnread reports the meta page that the disk does not give. If it gives neither, that says nothing
// about the store, and is the error.
func (c *inspection) addUnread(metas page.MetaPages) error {
	for id, m := range metas {
		if err := m.Unread(); err != nil {
			c.report(page.MetaFault(id, err))
		}
	}
	if len(c.faults.List) == len(metas) {
		return metas.Unread()
	}
	return nil
}

func (c *inspection) report(f page.Fault) { c.faults.Add(errFault(f)) }

func errFault(f error) error { return fmt.Errorf("%w: %w", backend.ErrDamaged, f) }

// walk checks all pages that m refers to.
func (c *inspection) walk(f page.File, m page.Meta) {
	w := page.NewWalker(f, m.End, format.DescribeKeys)
	w.Report = c.report
	var err error
	if w.Free, err = f.FreePages(m, w.Visited); err != nil {
		c.report(page.FreelistFault(m, err))
	}
	names := format.AllBuckets()
	buckets, others := w.Root(m.Root, names)
	if len(buckets) == 0 && c.faults.None() {
		// The store lost its first transaction with a meta page, or never had one.
		if c.faults = c.lostMetas; c.faults.None() {
			c.unsupported = format.ErrNoMetaBucket()
		}
		return
	}
	if others > 0 {
		c.report(page.Fault{Page: m.Root, Part: "root", Err: fmt.Errorf("unknown entries: %d", others)})
	}
	for _, name := range names {
		if e, ok := buckets[string(name)]; ok {
			w.Bucket(string(name), e, func(_ uint64, list []page.Element) { c.checkVersion(name, list) })
		}
	}
	if w.Free != nil && c.faults.None() {
		c.checkAllUsed(w)
	}
}

// checkVersion looks for the version of the format. Another version can have other pages, so
// it is not for this one to say what is wrong with them.
func (c *inspection) checkVersion(bucket []byte, list []page.Element) {
	if !bytes.Equal(bucket, format.MetaBucket) {
		return
	}
	for _, e := range list {
		if _, known := format.ParseVersion(e.Value); bytes.Equal(e.Key, format.VersionKey) && !known {
			c.unsupported = format.ErrVersion(e.Value)
		}
	}
}

// checkAllUsed makes sure that each page is in use or free. Something that is lost referred
// to any other page.
func (c *inspection) checkAllUsed(w *page.Walker) {
	for id := uint64(page.First); id < w.End; id++ {
		if !w.Visited.Has(id) && !w.Free.Has(id) {
			c.report(page.Fault{Page: id, Part: "unreachable", Err: errors.New("page is neither in use nor in the freelist")})
		}
	}
}

// checkBefore checks what the transaction before this one has left, and makes it durable. It
// reports whether one sync suffices for this one.
func (t *session) checkBefore() (canSeal bool, err error) {
	if t.mode == creating {
		return true, nil
	}
	f, metas := page.Open(t.file, t.size)
	id, ok := metas.Latest()
	t.metaValid = ok
	t.outcome, err = f.Outcome(metas)
	if errors.As(err, new(*page.SealError)) {
		return false, t.store.damaged(page.MetaFault(id, err))
	}
	if err != nil {
		return false, err
	}
	if t.mode == viewing {
		return false, nil
	}
	t.altered = f.CheckDurable(metas, t.outcome)
	if err := t.checkFreelist(f, metas); err != nil {
		return false, err
	}
	return metas.CanSeal(), t.syncBefore()
}

// checkAltered returns an error for a file of which a page has changed since the last transaction wrote
// it, unless only what the store remembers is damaged: containers can be deleted without that. Pages
// that are in order do not show that nothing is lost, because a disk that has lost a write has an older
// page in its place. An older root shows an earlier state of everything, so the tree of the leases has to
// begin with a page that the last transaction has written.
func (t *session) checkAltered() error {
	_, metas, err := metaPagesOf(t.file)
	if err != nil {
		return t.store.wrapPath(err)
	}
	altered := t.store.damaged(t.altered)
	if !metas.HasWritten(uint64(t.leases.bbolt.Root())) {
		return altered
	}
	c, err := inspect(t.file)
	found := c.faults.List
	c.faults.List = slices.DeleteFunc(slices.Clone(found), isMemory)
	if err := t.store.firstFault(c, err); err != nil {
		return err
	}
	memory := &verifier{tx: &tx{session: t}, found: page.Errors{List: found}}
	if memory.found.None() { // bbolt can read all pages.
		if err := errors.Join(memory.verifyCooling(), memory.verifyHistory()); err != nil {
			return err
		}
	}
	if memory.found.None() {
		return altered
	}
	leases := &verifier{tx: memory.tx, undecodable: make(map[netip.Addr]bool)}
	if err := errors.Join(leases.verifyLeases(), leases.verifyShared()); err != nil || leases.found.None() {
		return err
	}
	return t.store.wrapPath(leases.found.List[0])
}

// isMemory reports whether a fault is of a bucket without which the store can release leases.
func isMemory(fault error) bool {
	f, memory := page.Fault{}, format.MemoryBuckets()
	return errors.As(fault, &f) && slices.ContainsFunc(memory[:], func(name []byte) bool { return f.Part == string(name) })
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
		if t.sound {
			return nil
		}
		err := t.store.check(t.file)
		t.sound = err == nil
		return err
	}
	t.end = m.End
	t.freelistPages = page.NewBitmap(m.End)
	if t.freePages, err = f.FreePages(m, t.freelistPages); err != nil {
		return t.store.pageErr(page.FreelistFault(m, err))
	}
	return nil
}
