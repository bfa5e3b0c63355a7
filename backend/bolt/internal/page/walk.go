package page

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A Walker visits all pages of the trees of a file. It visits no page twice, so it ends
// whatever the file holds.
type Walker struct {
	File
	Snapshot
	Report func(Fault)
	levels []level
}

// NewWalker returns a Walker of the pages of f below end. It has visited none, and has no
// freelist and no Report yet.
func NewWalker(f File, end uint64, describeKeys func(from, to []byte) string) *Walker {
	return &Walker{File: f, Snapshot: Snapshot{
		PageSize: f.PageSize, End: end, Visited: NewBitmap(min(end, f.Pages())), DescribeKeys: describeKeys,
	}}
}

// A level holds the page at one depth of the tree that the Walker is on.
type level struct {
	page []byte
	list []Element
}

// A BucketEntry is the value of a bucket in the root.
type BucketEntry struct {
	Page  uint64 // of the root that has it
	Value []byte
}

// Root walks the root, which begins in page id. It returns the entries of the named buckets
// and the number of all other entries.
func (w *Walker) Root(id uint64, names [][]byte) (buckets map[string]BucketEntry, others int) {
	buckets = make(map[string]BucketEntry)
	named := func(key []byte) bool {
		return slices.ContainsFunc(names, func(name []byte) bool { return bytes.Equal(name, key) })
	}
	w.tree(id, "root", func(page uint64, list []Element) {
		for _, e := range list {
			if e.Bucket && named(e.Key) {
				buckets[string(e.Key)] = BucketEntry{page, bytes.Clone(e.Value)}
			} else {
				others++
			}
		}
	})
	return buckets, others
}

// Bucket walks a bucket, and calls leaf with the elements of each leaf, in order.
func (w *Walker) Bucket(name string, e BucketEntry, leaf func(page uint64, list []Element)) {
	h, inline, root, err := e.Parse()
	var list []Element
	if err == nil && root == 0 {
		list, err = AppendElements(nil, h, inline)
	}
	if err != nil {
		w.Report(Fault{Page: e.Page, Part: name, Err: err})
		return
	}
	plain := func(page uint64, list []Element) {
		for i, e := range list {
			if err := NoBucket(i, e); err != nil {
				w.Report(Fault{Page: page, Part: name, Err: err})
				return
			}
		}
		leaf(page, list)
	}
	if root != 0 {
		w.tree(root, name, plain)
	} else {
		plain(e.Page, list)
	}
}

// Parse returns the page at which the bucket's tree begins or, if root is 0, its inline page.
func (e BucketEntry) Parse() (h Header, inline []byte, root uint64, err error) {
	if len(e.Value) < EntryLen {
		return h, nil, 0, errors.New("bucket entry is truncated")
	}
	root, inline = binary.NativeEndian.Uint64(e.Value), e.Value[EntryLen:]
	if root != 0 {
		if len(inline) > 0 {
			err = errors.New("bucket entry is too long")
		}
		return h, nil, root, err
	}
	if len(inline) < HeaderLen {
		return h, nil, 0, errors.New("bucket entry is truncated")
	}
	h = ParseHeader(inline)
	if err := h.check(0, LeafKind); err != nil {
		return h, nil, 0, fmt.Errorf("inline page: %w", err)
	}
	if h.Overflow != 0 {
		return h, nil, 0, fmt.Errorf("inline page: %w", errOverflow(h))
	}
	return h, inline, 0, nil
}

// NoBucket returns an error if element i of a bucket is a bucket itself.
func NoBucket(i int, e Element) error {
	if e.Bucket {
		return fmt.Errorf("element %d is a nested bucket", i)
	}
	return nil
}

// tree walks the tree that begins in page id, and calls leaf with the elements of each leaf,
// in order. A page with a fault is reported, and skipped with all below it.
func (w *Walker) tree(id uint64, part string, leaf func(page uint64, list []Element)) {
	t := &tree{Snapshot: &w.Snapshot, part: part, leafDepth: -1}
	w.walk(t, position{id: id}, leaf)
}

func (w *Walker) walk(t *tree, p position, leaf func(page uint64, list []Element)) {
	h, list, err := w.elements(t, p)
	if err != nil {
		w.Report(t.fault(p, err))
		return
	}
	if h.Kind == LeafKind {
		leaf(p.id, list)
		return
	}
	for i, e := range list {
		var next []byte
		if i+1 < len(list) {
			next = list[i+1].Key
		}
		w.walk(t, p.childPosition(e.Child, e.Key, next), leaf)
	}
}

// elements returns the elements of the page at p.
func (w *Walker) elements(t *tree, p position) (h Header, list []Element, err error) {
	h, b, err := t.load(p, w.read)
	if err != nil {
		return h, nil, err
	}
	l := &w.levels[p.depth]
	if l.list, err = AppendElements(l.list[:0], h, b); err != nil {
		return h, nil, err
	}
	var first, last []byte
	if n := len(l.list); n > 0 {
		first, last = l.list[0].Key, l.list[n-1].Key
	}
	return h, l.list, t.checkPosition(p, h, first, last)
}

// read reads the page at p into the buffer of its depth.
func (w *Walker) read(p position, size int64) ([]byte, error) {
	if p.depth == len(w.levels) {
		w.levels = append(w.levels, level{})
	}
	l := &w.levels[p.depth]
	l.page = slices.Grow(l.page[:0], int(size))[:size]
	if _, err := w.ReadAt(l.page, int64(p.id)*w.File.PageSize); err != nil {
		return nil, errTruncated(err)
	}
	return l.page, nil
}
