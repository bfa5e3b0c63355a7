package page

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// A Checker checks the pages of one tree before bbolt reads them: only pages that a
// transaction comes to, so that it costs a few microseconds however large the file is. Each
// is checked once. A fault is a panic with a [Fault], as bbolt panics. A nil Checker checks
// nothing.
type Checker struct {
	tree
	data    []byte // the file
	root    uint64
	leaf    func(page uint64, i int, e Element) error
	checked map[uint64]*checkedPage
}

// NewChecker returns a Checker of the tree that begins in page root of data, which holds all
// pages of s. It reports faults as faults of part. leaf is called with each element of a leaf
// that has a bucket, and returns an error if the element does not belong there.
func NewChecker(s *Snapshot, part string, data []byte, root uint64, leaf func(page uint64, i int, e Element) error) *Checker {
	return &Checker{
		tree: tree{Snapshot: s, part: part, leafDepth: -1},
		data: data, root: root, leaf: leaf, checked: make(map[uint64]*checkedPage),
	}
}

// A checkedPage is a page without a fault, at its position.
type checkedPage struct {
	position
	branch // empty for a leaf
}

// A branch is the elements of a branch page that has been checked. They are read where they are: a list of
// them would take kilobytes, and every ADD comes to a dozen branches of a large store.
type branch struct {
	page  []byte
	count int
}

// element returns the first key of child i, and the page that it is.
func (b branch) element(i int) (key []byte, child uint64) {
	begin := HeaderLen + ElementLen*i
	e := b.page[begin:][:ElementLen]
	pos, keyLen := int(binary.NativeEndian.Uint32(e)), int(binary.NativeEndian.Uint32(e[4:]))
	return b.page[begin+pos:][:keyLen:keyLen], binary.NativeEndian.Uint64(e[8:])
}

// A Pick picks the child of a branch at which to go on.
type Pick func(b branch) int

// Toward picks the child that bbolt picks for a key.
func Toward(key []byte) Pick {
	return func(b branch) int {
		above := sort.Search(b.count, func(i int) bool {
			first, _ := b.element(i)
			return bytes.Compare(first, key) > 0
		})
		return max(above-1, 0)
	}
}

// ToFirst picks the first child.
func ToFirst(branch) int { return 0 }

// ToLast picks the last child.
func ToLast(b branch) int { return b.count - 1 }

// Path checks the pages from the root to a leaf.
func (c *Checker) Path(pick Pick) {
	if c == nil {
		return
	}
	p := c.check(position{id: c.root})
	for p.count > 0 {
		p = c.check(p.child(pick(p.branch)))
	}
}

// PathAndNeighbours also checks the pages before and after each page of the path, at the same
// depth: bbolt's cursor can move there, and a page that gets too small is merged with one of
// them. It returns the keys between which the leaf is, each nil if there is none.
func (c *Checker) PathAndNeighbours(pick Pick) (from, to []byte) {
	if c == nil {
		return nil, nil
	}
	var before, after *checkedPage
	p := c.check(position{id: c.root})
	for p.count > 0 {
		i := pick(p.branch)
		before, after = c.neighbour(before, p, i-1, ToLast), c.neighbour(after, p, i+1, ToFirst)
		p = c.check(p.child(i))
	}
	return p.from, p.to
}

// neighbour checks child i of a branch or, beyond its ends, the nearest child of the branch
// next to it, if there is one.
func (c *Checker) neighbour(next, p *checkedPage, i int, nearest Pick) *checkedPage {
	switch {
	case i >= 0 && i < p.count:
		return c.check(p.child(i))
	case next != nil:
		return c.check(next.child(nearest(next.branch)))
	}
	return nil
}

// All checks all pages of the tree.
func (c *Checker) All() {
	if c != nil {
		c.below(position{id: c.root})
	}
}

func (c *Checker) below(p position) {
	page := c.check(p)
	for i := range page.count {
		c.below(page.child(i))
	}
}

// check checks the page at p, unless that was done before.
func (c *Checker) check(p position) *checkedPage {
	if known := c.checked[p.id]; known != nil && known.depth == p.depth && bytes.Equal(known.from, p.from) {
		return known
	}
	page, err := c.open(p)
	if err != nil {
		panic(c.fault(p, err))
	}
	c.checked[p.id] = page
	return page
}

// open opens the page at p. A page that is not one of this tree counts as not visited afterwards: a
// corrupt branch of another tree has led to it, and it can be sound where it belongs.
func (c *Checker) open(p position) (page *checkedPage, err error) {
	known := c.Visited.Has(p.id)
	h, b, err := c.load(p, c.read)
	if err != nil {
		if !known {
			c.forget(p.id, 1)
		}
		return nil, err
	}
	if page, err = c.parse(p, h, b); err != nil {
		c.forget(p.id, 1+h.Overflow)
	}
	return page, err
}

func (c *Checker) parse(p position, h Header, b []byte) (*checkedPage, error) {
	if first, last, ok := plainLeaf(h, b); ok {
		return &checkedPage{position: p}, c.checkPosition(p, h, first, last)
	}
	page := &checkedPage{position: p}
	if h.Kind == BranchKind {
		page.branch = branch{b, int(h.Count)}
	}
	var first, last []byte
	err := EachElement(h, b, func(i int, e Element) error {
		if i == 0 {
			first = e.Key
		}
		last = e.Key
		if h.Kind == LeafKind {
			return c.leaf(p.id, i, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return page, c.checkPosition(p, h, first, last)
}

func (c *Checker) read(p position, size int64) ([]byte, error) {
	return c.data[int64(p.id)*c.PageSize:][:size], nil
}

func (p *checkedPage) child(i int) position {
	key, child := p.element(i)
	var next []byte
	if i+1 < p.count {
		next, _ = p.element(i + 1)
	}
	return p.childPosition(child, key, next)
}
