//go:build linux

package powercut

import (
	"maps"
	"path"
	"slices"
)

// A cut decides what of the unsynced is there when power has come back.
type cut struct {
	piece int64            // bytes that are written together
	keeps func(i int) bool // whether the i-th thing that is asked about is there
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

// left returns what a cut leaves of a disk.
func (d *disk) left(c *cut) image {
	l := leaving{cut: c, names: map[*node]map[string]*node{}, contents: map[*node]content{}}
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

// leaving makes an image.
type leaving struct {
	cut      *cut
	names    map[*node]map[string]*node // of directories in which something is pending
	contents map[*node]content          // a file can have two names
	image    image
}

func (l *leaving) namesOf(dir *node) map[string]*node {
	if l.names[dir] == nil {
		l.names[dir] = maps.Clone(dir.durable)
	}
	return l.names[dir]
}

func (l *leaving) walk(at string, dir *node) {
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
			l.contents[n] = n.left(l.cut)
		}
		l.image = append(l.image, item{path: here, inode: n.inode, content: l.contents[n]})
	}
}

// left returns what a cut leaves in a file.
func (n *node) left(c *cut) content {
	if len(n.pending) == 0 {
		return n.content
	}
	l := content{slices.Clone(n.content.data), n.content.modified, n.content.marked}
	stale := map[int64]bool{} // pieces of which a write is lost: later ones hold it too
	for _, e := range n.pending {
		if len(e.data) > 0 {
			e.leave(&l, c, stale)
		} else if c.keep(e.what) {
			e.perform(&l)
		}
	}
	return l
}

// leave performs the pieces of a write that are there.
func (e edit) leave(l *content, c *cut, stale map[int64]bool) {
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
