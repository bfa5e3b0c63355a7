package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// A bucket wraps a bucket of bbolt, and checks the pages that an operation will use before
// bbolt reads them. Its checker is nil if they have been checked already.
type bucket struct {
	bbolt   *bbolt.Bucket // not embedded, so that no method without checks can be called
	checker *page.Checker
}

func (b *bucket) Get(key []byte) []byte {
	b.checker.Path(page.Toward(key))
	return b.bbolt.Get(key)
}

func (b *bucket) Put(key, value []byte) error {
	b.checker.Path(page.Toward(key))
	return b.bbolt.Put(key, value)
}

func (b *bucket) Delete(key []byte) error {
	b.checker.PathAndNeighbours(page.Toward(key))
	return b.bbolt.Delete(key)
}

func (b *bucket) ForEach(fn func(key, value []byte) error) error {
	i := b.iterate()
	for k, v := i.First(); k != nil; k, v = i.Next() {
		if err := fn(k, v); err != nil {
			return err
		}
	}
	return nil
}

// An iterator wraps a cursor of bbolt. All pages to which its next step can lead have been
// checked.
type iterator struct {
	bbolt    *bbolt.Cursor
	checker  *page.Checker
	from, to []byte // keys between which the current leaf is
}

func (b *bucket) iterate() *iterator { return &iterator{bbolt: b.bbolt.Cursor(), checker: b.checker} }

func (i *iterator) Seek(key []byte) (k, v []byte) {
	i.check(page.Toward(key))
	return i.moved(i.bbolt.Seek(key))
}

func (i *iterator) First() (k, v []byte) {
	i.check(page.ToFirst)
	return i.moved(i.bbolt.First())
}

func (i *iterator) Last() (k, v []byte) {
	i.check(page.ToLast)
	return i.moved(i.bbolt.Last())
}

func (i *iterator) Next() (k, v []byte) { return i.moved(i.bbolt.Next()) }

func (i *iterator) Prev() (k, v []byte) { return i.moved(i.bbolt.Prev()) }

// atOrBefore moves to the last entry whose key is key or before it.
func (i *iterator) atOrBefore(key []byte) (k, v []byte) {
	k, v = i.Seek(key)
	switch {
	case k == nil:
		return i.Last()
	case !bytes.Equal(k, key):
		return i.Prev()
	}
	return k, v
}

func (i *iterator) check(pick page.Pick) { i.from, i.to = i.checker.PathAndNeighbours(pick) }

// moved checks the pages around the current leaf if it is another one.
func (i *iterator) moved(k, v []byte) ([]byte, []byte) {
	if k != nil && (i.from != nil && bytes.Compare(k, i.from) < 0 || i.to != nil && bytes.Compare(k, i.to) >= 0) {
		i.check(page.Toward(k))
	}
	return k, v
}

// buckets are the buckets that every store has, shared or not. Those that the version of the file
// does not have yet are nil until the first write.
type buckets struct{ metaBucket, leases, owners, runs, boots, cursors, history, latest, cooling, queue *bucket }

// indices are the buckets of which a store can have any.
type indices struct{ pods *bucket }

// A bucketSlot is the name of a bucket, and the field that it is kept in.
type bucketSlot struct {
	name  []byte
	field **bucket
}

func (b *buckets) slots() (slots [10]bucketSlot) {
	fields := [...]**bucket{&b.metaBucket, &b.leases, &b.owners, &b.runs, &b.boots, &b.cursors, &b.history, &b.latest,
		&b.cooling, &b.queue}
	for i, name := range format.Buckets() {
		slots[i] = bucketSlot{name, fields[i]}
	}
	return slots
}

// openBuckets opens the buckets that there are. It checks the pages of the root, and the
// inline pages of buckets.
func (t *session) openBuckets() {
	t.checkers = nil
	if !t.sound {
		t.checkers = t.newCheckers()
	}
	for _, slot := range t.slots() {
		*slot.field = nil
		if b := t.bolt.Bucket(slot.name); b != nil {
			*slot.field = &bucket{b, t.checkers[string(slot.name)]}
		}
	}
	t.pods = nil
	if b := t.bolt.Bucket(format.PodsBucket); b != nil {
		t.pods = &bucket{b, t.checkers[string(format.PodsBucket)]}
	}
}

// newCheckers returns checkers for the buckets with a tree of their own.
func (t *session) newCheckers() map[string]*page.Checker {
	checkers := make(map[string]*page.Checker)
	noBucket := func(_ uint64, i int, e page.Element) error { return page.NoBucket(i, e) }
	snapshot, data := t.snapshot(), t.mapping()
	root := page.NewChecker(snapshot, "root", data, uint64(t.bolt.Cursor().Bucket().Root()), func(id uint64, _ int, e page.Element) error {
		if !e.Bucket {
			return nil // bbolt does not find it.
		}
		h, inline, root, err := page.BucketEntry{Page: id, Value: e.Value}.Parse()
		switch name := string(e.Key); {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case root != 0:
			checkers[name] = page.NewChecker(snapshot, name, data, root, noBucket)
		default:
			return page.EachElement(h, inline, page.NoBucket)
		}
		return nil
	})
	root.All()
	return checkers
}

// snapshot returns the pages that the transaction sees.
func (t *session) snapshot() *page.Snapshot {
	end := uint64(t.bolt.Size()) / uint64(t.pageSize)
	visited := t.freelistPages
	if visited == nil {
		visited = page.NewBitmap(end)
	}
	return &page.Snapshot{
		PageSize: int64(t.pageSize), End: end, Free: t.freePages, Visited: visited, DescribeKeys: format.DescribeKeys,
	}
}

// mapping returns the pages as bbolt has mapped them into memory. Reading them from the file
// instead would cost a system call and a copy for each.
//
// The slice is valid until the transaction commits: bbolt does not remap the file in any other
// call that a session makes, and the checkers are not used after the commit.
func (t *session) mapping() []byte {
	info := t.db.Info()
	// unsafe, because bbolt exports the mapping as a uintptr only. It is converted by way of a
	// pointer, because go vet rightly distrusts a uintptr that becomes a pointer; but this memory
	// is not Go's, and the garbage collector does not move it.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&info.Data)), t.bolt.Size())
}

// createBuckets makes the buckets of a new store.
func createBuckets(b *bbolt.Tx) error {
	for _, name := range format.Buckets() {
		if _, err := createBucket(b, name); err != nil {
			return err
		}
	}
	return b.Bucket(format.MetaBucket).Put(format.VersionKey, []byte{format.Version})
}

func createBucket(t *bbolt.Tx, name []byte) (*bbolt.Bucket, error) {
	b, err := t.CreateBucket(name)
	if err == nil && bytes.Equal(name, format.HistoryBucket) {
		err = errors.Join(b.Put(format.FirstKey, format.Number(1)), b.Put(format.PolicyKey, []byte{}))
	}
	return b, err
}
