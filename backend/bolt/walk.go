package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A walker goes through the trees of an image. It believes nothing that it has not
// seen to be right, and comes to no page twice: so it ends, whatever there is.
type walker struct {
	image
	end    uint64 // there are no pages from here on
	seen   bitmap // pages that it has been to
	free   bitmap // pages that are free
	report func(fault)
	levels []level
}

// A level holds the page of a tree that the walker is on, in that depth.
type level struct {
	page []byte
	list []element
}

// maxDepth is more than the depth of any tree that fits into a file: a branch leads
// to two pages at least.
const maxDepth = 48

// A bucketEntry is what the root says of a bucket.
type bucketEntry struct {
	page  uint64 // on which it stands
	value []byte
}

// root walks the root, which begins in page id, and returns what it says of our
// buckets, and how much else there is.
func (w *walker) root(id uint64) (buckets map[string]bucketEntry, others int) {
	buckets = make(map[string]bucketEntry)
	w.tree(id, "root", func(page uint64, list []element) {
		for _, e := range list {
			if e.bucket && slices.Contains(bucketNames(), string(e.key)) {
				buckets[string(e.key)] = bucketEntry{page, bytes.Clone(e.value)}
			} else {
				others++
			}
		}
	})
	return buckets, others
}

// bucketNames returns the buckets of a store.
func bucketNames() []string {
	return []string{
		string(metaBucket), string(leasesBucket), string(ownersBucket),
		string(runsBucket), string(bootsBucket), string(cursorsBucket),
	}
}

// bucket walks a bucket, and calls leaf with the elements of each leaf, in order.
func (w *walker) bucket(name string, e bucketEntry, leaf func(page uint64, list []element)) {
	list, root, err := e.open()
	if err != nil {
		w.report(fault{page: e.page, part: name, err: err})
		return
	}
	each := func(page uint64, list []element) {
		if err := bucketless(list); err != nil {
			w.report(fault{page: page, part: name, err: err})
			return
		}
		leaf(page, list)
	}
	if root != 0 {
		w.tree(root, name, each)
	} else {
		each(e.page, list)
	}
}

// open returns the elements of a bucket that stands inside its entry, or else the page
// in which its tree begins.
func (e bucketEntry) open() (list []element, root uint64, err error) {
	h, page, root, err := e.parse()
	if err != nil || root != 0 {
		return nil, root, err
	}
	list, err = elements(nil, h, page)
	return list, 0, err
}

// parse returns the page inside the entry, or else that in which the tree begins.
func (e bucketEntry) parse() (h header, page []byte, root uint64, err error) {
	if len(e.value) < bucketLen {
		return h, nil, 0, errors.New("its entry is cut off")
	}
	root, page = binary.NativeEndian.Uint64(e.value), e.value[bucketLen:]
	if root != 0 {
		if len(page) > 0 {
			err = errors.New("its entry is too long")
		}
		return h, nil, root, err
	}
	if len(page) < headerLen {
		return h, nil, 0, errors.New("its entry is cut off")
	}
	h = parseHeader(page)
	if err := h.expect(0, leafKind); err != nil {
		return h, nil, 0, fmt.Errorf("of the page inside its entry: %w", err)
	}
	if h.overflow != 0 {
		return h, nil, 0, fmt.Errorf("the page inside its entry goes on for %d pages", h.overflow)
	}
	return h, page, 0, nil
}

// bucketless returns an error if there is a bucket among the elements of one of ours.
func bucketless(list []element) error {
	for i, e := range list {
		if err := noBucket(i, e); err != nil {
			return err
		}
	}
	return nil
}

func noBucket(i int, e element) error {
	if e.bucket {
		return fmt.Errorf("element %d is a bucket", i)
	}
	return nil
}

// tree walks the tree that begins in page id, and calls leaf with the elements of each
// leaf, in order. A page in which something is wrong is reported and left out.
func (w *walker) tree(id uint64, part string, leaf func(page uint64, list []element)) {
	t := &treeWalk{walker: w, part: part, leaf: leaf, leaves: -1}
	t.walk(place{id: id})
}

// A treeWalk is a walk through one tree.
type treeWalk struct {
	*walker
	part   string
	leaf   func(uint64, []element)
	leaves int // the depth of the leaves: that of the first one. -1: not known yet
}

// A place is where a page belongs in a tree.
type place struct {
	id       uint64
	depth    int
	from, to []byte // its first key, and a key that is behind all of its keys; nil: there is none
}

func (t *treeWalk) walk(p place) {
	h, list, err := t.page(p)
	if err != nil {
		t.report(fault{p.id, t.part, bytes.Clone(p.from), bytes.Clone(p.to), err})
		return
	}
	if h.kind == leafKind {
		t.leaf(p.id, list)
		return
	}
	for i, e := range list {
		to := p.to
		if i+1 < len(list) {
			to = list[i+1].key
		}
		t.walk(place{e.child, p.depth + 1, e.key, to})
	}
}

// page reads the page that belongs to p.
func (t *treeWalk) page(p place) (h header, list []element, err error) {
	if p.depth == len(t.levels) {
		if p.depth == maxDepth {
			return h, nil, errors.New("it is too deep in the tree")
		}
		t.levels = append(t.levels, level{page: make([]byte, t.pageSize)})
	}
	l := &t.levels[p.depth]
	if h, err = t.load(p.id, l); err != nil {
		return h, nil, err
	}
	if l.list, err = elements(l.list[:0], h, l.page); err != nil {
		return h, nil, err
	}
	var first, last []byte
	if n := len(l.list); n > 0 {
		first, last = l.list[0].key, l.list[n-1].key
	}
	return h, l.list, t.belongs(p, h, first, last)
}

// load reads page id, and those that belong to it, into l.
func (w *walker) load(id uint64, l *level) (h header, err error) {
	if err := w.enter(id, 1); err != nil {
		return h, err
	}
	l.page = l.page[:w.pageSize]
	if _, err := w.ReadAt(l.page, int64(id)*w.pageSize); err != nil {
		return h, cutOff(err)
	}
	h = parseHeader(l.page)
	size, err := w.claim(id, h)
	if err != nil || h.overflow == 0 {
		return h, err
	}
	l.page = append(l.page, make([]byte, size-w.pageSize)...)
	if _, err := w.ReadAt(l.page, int64(id)*w.pageSize); err != nil {
		return h, cutOff(err)
	}
	return h, nil
}

// claim makes sure that h can be the header of page id, marks the pages behind it that
// belong to it, and returns the size of them all.
func (w *walker) claim(id uint64, h header) (size int64, err error) {
	if err := h.expect(id, branchKind, leafKind); err != nil {
		return 0, err
	}
	size = (int64(h.overflow) + 1) * w.pageSize
	if size > maxRun {
		return 0, fmt.Errorf("it goes on for %d pages", h.overflow)
	}
	return size, w.enter(id+1, h.overflow)
}

// enter marks n pages as seen, page id and those behind it. They have to be there, in
// use, and in no other place.
func (w *walker) enter(id uint64, n uint32) error {
	for ; n > 0; id, n = id+1, n-1 {
		switch {
		case id < firstPage || id >= w.end:
			return fmt.Errorf("page %d is none of the %d that there are", id, w.end)
		case w.free.has(id):
			return fmt.Errorf("page %d is in the list of free pages", id)
		case w.seen.has(id):
			return fmt.Errorf("page %d has another place already", id)
		}
		w.seen.set(id)
	}
	return nil
}

// belongs returns an error unless a page with that first and that last key is one that
// belongs to p.
func (t *treeWalk) belongs(p place, h header, first, last []byte) error {
	if h.kind == leafKind {
		if t.leaves < 0 {
			t.leaves = p.depth
		}
		if t.leaves != p.depth {
			return errors.New("it is not as deep in the tree as other leaves")
		}
	}
	switch n := h.count; {
	case h.kind == branchKind && n < 2, p.depth > 0 && n == 0:
		return fmt.Errorf("%d elements are too few", n)
	case p.from != nil && !bytes.Equal(first, p.from):
		return errors.New("its first key is not the one that leads to it")
	case p.to != nil && bytes.Compare(last, p.to) >= 0:
		return errors.New("its last key belongs behind it")
	}
	return nil
}

// A bitmap is a set of pages. A nil bitmap is empty.
type bitmap []uint64

func newBitmap(pages uint64) bitmap { return make(bitmap, (pages+63)/64) }

func (b bitmap) has(id uint64) bool { return id/64 < uint64(len(b)) && b[id/64]>>(id%64)&1 == 1 }

// set leaves pages out that are not there.
func (b bitmap) set(id uint64) {
	if id/64 < uint64(len(b)) {
		b[id/64] |= 1 << (id % 64)
	}
}
