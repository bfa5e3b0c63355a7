package bolt

import (
	"bytes"
	"errors"
	"sort"
)

// A trail goes through the tree of a bucket ahead of bbolt, to where that is about to
// go, and looks at the pages before bbolt does. What a walker does with all pages of a
// file, a trail does with the few that a transaction uses, so that it costs a few
// microseconds however large the file is. What is wrong with a page is a panic, as it is
// in bbolt.
type trail struct {
	treeWalk
	data   []byte // the file
	root   uint64
	leaf   func(page uint64, i int, e element) error // called with each element of a leaf
	sheets map[uint64]*sheet                         // pages that have been looked at
}

func newTrail(w *walker, part string, data []byte, root uint64) *trail {
	t := &trail{treeWalk: treeWalk{walker: w, part: part, leaves: -1}, data: data, root: root}
	t.leaf = func(_ uint64, i int, e element) error { return noBucket(i, e) }
	t.sheets = make(map[uint64]*sheet)
	return t
}

// A sheet is a page that was found to be right where it stands.
type sheet struct {
	place
	head     header
	page     []byte
	children []signpost // of a branch
	whole    bool       // each of its elements was found to be right
}

// A signpost is where a branch leads, and the first key that is found there.
type signpost struct {
	key   []byte
	child uint64
}

// A turn says which of the children of a branch to go to.
type turn func(children []signpost) int

// toward returns the turn that bbolt takes for a key.
func toward(key []byte) turn {
	return func(children []signpost) int {
		behind := sort.Search(len(children), func(i int) bool { return bytes.Compare(children[i].key, key) > 0 })
		return max(behind-1, 0)
	}
}

func toFirst([]signpost) int { return 0 }

func toLast(children []signpost) int { return len(children) - 1 }

// A care is how much of a leaf is looked at. To read, bbolt looks at a few elements, of
// which the worst that can come is a panic. What it is to write, it takes over as a
// whole, with whatever sizes its elements say they have.
type care bool

const (
	glance   care = false // at the header, and the first and the last element
	scrutiny care = true  // at each element
)

// to looks at the pages from the root to a leaf.
func (t *trail) to(take turn, c care) {
	s := t.look(place{id: t.root}, c)
	for s.children != nil {
		s = t.look(s.child(take(s.children)), c)
	}
}

// around looks besides at the pages before and behind those, on each level: a cursor can
// move there, and a page that gets too small is put together with one of them. It
// returns between which keys the leaf lies.
func (t *trail) around(take turn, c care) (from, to []byte) {
	var before, behind *sheet
	s := t.look(place{id: t.root}, c)
	for s.children != nil {
		i := take(s.children)
		before, behind = t.beside(before, s, i-1, toLast, c), t.beside(behind, s, i+1, toFirst, c)
		s = t.look(s.child(i), c)
	}
	return s.from, s.to
}

// beside looks at child i of a branch, or, if that has none, at the nearest child of the
// branch next to it, if there is one.
func (t *trail) beside(next, s *sheet, i int, nearest turn, c care) *sheet {
	switch {
	case i >= 0 && i < len(s.children):
		return t.look(s.child(i), c)
	case next != nil:
		return t.look(next.child(nearest(next.children)), c)
	}
	return nil
}

// all looks at all pages below p.
func (t *trail) all(p place) {
	s := t.look(p, scrutiny)
	for i := range s.children {
		t.all(s.child(i))
	}
}

// look makes sure that a page is what belongs to p, unless that was done before.
func (t *trail) look(p place, c care) *sheet {
	s, err := t.sheets[p.id], error(nil)
	if s == nil || s.depth != p.depth || !bytes.Equal(s.from, p.from) {
		s, err = t.open(p)
	}
	if err == nil && !s.whole && (c == scrutiny || s.head.kind == branchKind) {
		err = t.scan(s)
	}
	if err != nil {
		panic(fault{p.id, t.part, p.from, p.to, err})
	}
	return s
}

// open returns the page that belongs to p, glanced at.
func (t *trail) open(p place) (*sheet, error) {
	if p.depth == maxDepth {
		return nil, errors.New("it is too deep in the tree")
	}
	if err := t.enter(p.id, 1); err != nil {
		return nil, err
	}
	at := int64(p.id) * t.pageSize
	h := parseHeader(t.data[at:])
	size, err := t.claim(p.id, h)
	if err != nil {
		return nil, err
	}
	s := &sheet{place: p, head: h, page: t.data[at:][:size]}
	first, last, err := ends(h, s.page)
	if err != nil {
		return nil, err
	}
	t.sheets[p.id] = s
	return s, t.belongs(p, h, first, last)
}

// scan looks at each element of a page.
func (t *trail) scan(s *sheet) error {
	s.whole = true
	if tidy(s.head, s.page) {
		return nil
	}
	if s.head.kind == leafKind {
		return eachElement(s.head, s.page, func(i int, e element) error { return t.leaf(s.id, i, e) })
	}
	s.children = make([]signpost, 0, s.head.count)
	return eachElement(s.head, s.page, func(_ int, e element) error {
		s.children = append(s.children, signpost{e.key, e.child})
		return nil
	})
}

func (s *sheet) child(i int) place {
	to := s.to
	if i+1 < len(s.children) {
		to = s.children[i+1].key
	}
	return place{s.children[i].child, s.depth + 1, s.children[i].key, to}
}
