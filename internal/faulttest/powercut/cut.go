//go:build linux

package powercut

import (
	"maps"
	"path"
	"slices"
)

// A cut decides which unsynced changes survive a power cut.
type cut struct {
	piece int64            // size of the pieces that are written as a whole
	keeps func(i int) bool // reports whether the i-th change survives
	asked int
	lost  []string
}

func (c *cut) keep(what string) bool {
	i := c.asked
	c.asked++
	kept := c.keeps(i)
	if !kept {
		c.lost = append(c.lost, what)
	}
	return kept
}

// imageAfter returns what a cut leaves of the disk.
func (d *disk) imageAfter(c *cut) image {
	l := imageBuilder{cut: c, names: map[*node]map[string]*node{}, contents: map[*node]content{}}
	for _, ch := range d.changes {
		if ch.durable || c.keep(ch.what) {
			for _, p := range ch.entries {
				p.enter(l.namesOf(p.dir))
			}
		}
	}
	l.walk(".", d.root)
	return l.image
}

// imageBuilder builds an image.
type imageBuilder struct {
	cut      *cut
	names    map[*node]map[string]*node // of directories with pending changes
	contents map[*node]content          // by node, because a file can have two names
	image    image
}

func (l *imageBuilder) namesOf(dir *node) map[string]*node {
	if l.names[dir] == nil {
		l.names[dir] = maps.Clone(dir.durable)
	}
	return l.names[dir]
}

func (l *imageBuilder) walk(at string, dir *node) {
	names := l.names[dir]
	if names == nil {
		names = dir.durable
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := names[name]
		here := path.Join(at, name)
		if n.isDir {
			l.image = append(l.image, item{path: here, isDir: true})
			l.walk(here, n)
			continue
		}
		if _, ok := l.contents[n]; !ok {
			l.contents[n] = n.imageAfter(l.cut)
		}
		l.image = append(l.image, item{path: here, inode: n.inode, content: l.contents[n]})
	}
}

// imageAfter returns what a cut leaves of a file.
func (n *node) imageAfter(c *cut) content {
	if len(n.pending) == 0 {
		return n.content
	}
	l := content{slices.Clone(n.content.data), n.content.modified, n.content.marked}
	stale := map[int64]bool{} // pieces with a lost write: later writes to them are lost as well
	for _, e := range n.pending {
		if len(e.data) > 0 {
			e.applyPieces(&l, c, stale)
		} else if c.keep(e.what) {
			e.apply(&l)
		}
	}
	return l
}

// applyPieces applies the pieces of a write that survive.
func (e edit) applyPieces(l *content, c *cut, stale map[int64]bool) {
	if e.grows && c.keep("size by "+e.what) {
		l.grow(e.size)
	}
	for from := e.at; from < e.size; {
		number := from / c.piece
		to := min(e.size, (number+1)*c.piece)
		if stale[number] || !c.keep("piece of "+e.what) {
			stale[number] = true
		} else {
			l.grow(to)
			copy(l.data[from:], e.data[from-e.at:to-e.at])
			l.modified = e.modified
		}
		from = to
	}
}
