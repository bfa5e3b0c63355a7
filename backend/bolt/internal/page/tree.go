package page

import (
	"bytes"
	"errors"
	"fmt"
)

// A Snapshot is the pages that a transaction sees, and what is known about them.
type Snapshot struct {
	PageSize int64
	End      uint64 // there are no pages from here on
	Free     Bitmap // pages in the freelist
	Visited  Bitmap // pages that are known to be part of something

	// DescribeKeys describes in a [Fault] the keys from one up to another, each nil if there
	// is none.
	DescribeKeys func(from, to []byte) string
}

// visit adds page id, and n-1 pages after it, to those visited. They have to exist, to be in
// use, and to be visited for the first time.
func (s *Snapshot) visit(id uint64, n uint32) error {
	for ; n > 0; id, n = id+1, n-1 {
		switch {
		case id < First || id >= s.End:
			return errRange(id, s.End)
		case s.Free.Has(id):
			return fmt.Errorf("page %d is in the freelist", id)
		case s.Visited.Has(id):
			return fmt.Errorf("page %d is in use elsewhere", id)
		}
		s.Visited.Add(id)
	}
	return nil
}

// forget makes pages count as not visited.
func (s *Snapshot) forget(id uint64, n uint32) {
	for ; n > 0 && id < s.End; id, n = id+1, n-1 {
		s.Visited.Remove(id)
	}
}

// A position is where a page belongs in a tree.
type position struct {
	id       uint64
	depth    int
	from, to []byte // its first key, and a key above all of its keys; nil: not known
}

// childPosition returns the position of the child with the given first key; next is the first
// key of the child after it, if there is one.
func (p position) childPosition(child uint64, key, next []byte) position {
	if next == nil {
		next = p.to
	}
	return position{child, p.depth + 1, key, next}
}

// maxDepth is more than the depth of any tree that fits in a file: a branch has at least
// two children.
const maxDepth = 48

// A tree is a tree whose pages are loaded from the root downwards, each once.
type tree struct {
	*Snapshot
	part      string
	leafDepth int // of the first leaf that was loaded; all others must have the same. -1: none yet
}

// load returns the page at p, once its header is known to be right. read returns that many
// bytes from the start of the page.
func (t *tree) load(p position, read func(p position, size int64) ([]byte, error)) (h Header, b []byte, err error) {
	if p.depth == maxDepth {
		return h, nil, errors.New("tree is too deep")
	}
	if err := t.visit(p.id, 1); err != nil {
		return h, nil, err
	}
	if b, err = read(p, t.PageSize); err != nil {
		return h, nil, err
	}
	h = ParseHeader(b)
	if err := h.check(p.id, BranchKind, LeafKind); err != nil {
		return h, nil, err
	}
	if h.Overflow == 0 {
		return h, b, nil
	}
	size := (int64(h.Overflow) + 1) * t.PageSize
	if size > MaxLen {
		return h, nil, errOverflow(h)
	}
	if err := t.visit(p.id+1, h.Overflow); err != nil {
		return h, nil, err
	}
	b, err = read(p, size)
	return h, b, err
}

// checkPosition returns an error unless a page with that first and last key belongs at p.
func (t *tree) checkPosition(p position, h Header, first, last []byte) error {
	if h.Kind == LeafKind {
		if t.leafDepth < 0 {
			t.leafDepth = p.depth
		}
		if t.leafDepth != p.depth {
			return fmt.Errorf("leaf is at depth %d, and others at depth %d", p.depth, t.leafDepth)
		}
	}
	switch n := h.Count; {
	case h.Kind == BranchKind && n < 2, p.depth > 0 && n == 0:
		return fmt.Errorf("page has too few elements: %d", n)
	case p.from != nil && !bytes.Equal(first, p.from):
		return errors.New("first key is not the one in the parent page")
	case p.to != nil && bytes.Compare(last, p.to) >= 0:
		return errors.New("last key is not below the next one in the parent page")
	}
	return nil
}

func (t *tree) fault(p position, err error) Fault {
	return Fault{p.id, t.part, t.DescribeKeys(p.from, p.to), err}
}
