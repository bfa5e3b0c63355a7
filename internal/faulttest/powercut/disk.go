//go:build linux

package powercut

import (
	"maps"
	"path"
	"strings"
	"time"
)

// A disk knows what has been synced, and what has not.
type disk struct {
	root    *node
	now     int      // how many events there have been
	changes []change // of names, from the first that is not durable on
	dirty   map[*node]bool
}

// A node is a file or a directory.
type node struct {
	isDir   bool
	names   map[string]*node // as programs see them
	durable map[string]*node // but for the changes

	inode   int
	content content // what is durable
	pending []edit
	size    int64 // as programs see it
}

// content is what a file holds.
type content struct {
	data     []byte
	modified time.Time
	marked   bool // it says that it was replaced: see exchange.Marked
}

// A change gives names to nodes, or takes them from them, all at once.
type change struct {
	now     int
	what    string
	entries []place
	durable bool
}

type place struct {
	dir  *node
	name string
	to   *node // nil: none
}

// An entry is a place by its path.
type entry struct {
	path string
	to   *node
}

// An edit changes a file.
type edit struct {
	now      int
	what     string
	at       int64
	data     []byte
	size     int64
	grows    bool // the file is as long as that, if it was shorter
	cuts     bool // the file is as long as that
	modified time.Time
	modes    bool // it is marked, or no longer
	marked   bool
}

func newDisk() *disk { return &disk{root: newDir(), dirty: map[*node]bool{}} }

func newDir() *node {
	return &node{isDir: true, names: map[string]*node{}, durable: map[string]*node{}}
}

// find returns what programs see at a path.
func (d *disk) find(at string) (*node, error) {
	n := d.root
	if at == "." {
		return n, nil
	}
	for name := range strings.SplitSeq(at, "/") {
		if n = n.names[name]; n == nil {
			return nil, notThere(at)
		}
	}
	return n, nil
}

func (d *disk) change(what string, entries ...entry) error {
	c := change{now: d.now, what: what}
	for _, e := range entries {
		dir, err := d.find(path.Dir(e.path))
		if err != nil {
			return err
		}
		c.entries = append(c.entries, place{dir, path.Base(e.path), e.to})
	}
	for _, p := range c.entries {
		p.enter(p.dir.names)
	}
	d.changes = append(d.changes, c)
	return nil
}

func (p place) enter(names map[string]*node) {
	if p.to == nil {
		delete(names, p.name)
	} else {
		names[p.name] = p.to
	}
}

func (d *disk) edit(at string, e edit) error {
	n, err := d.find(at)
	if err != nil {
		return err
	}
	e.now = d.now
	if e.grows {
		e.grows = e.size > n.size
		n.size = max(n.size, e.size)
	}
	if e.cuts {
		n.size = e.size
	}
	n.pending = append(n.pending, e)
	d.dirty[n] = true
	return nil
}

// sync makes durable what was done to a node up to an event.
func (d *disk) sync(n *node, until int) {
	for i, c := range d.changes {
		for _, p := range c.entries {
			if p.dir == n && c.now <= until {
				d.changes[i].durable = true
			}
		}
	}
	d.fold()
	for len(n.pending) > 0 && n.pending[0].now <= until {
		n.pending[0].perform(&n.content)
		n.pending = n.pending[1:]
	}
	if len(n.pending) == 0 {
		delete(d.dirty, n)
	}
}

func (d *disk) syncAll(until int) {
	dirs := map[*node]bool{}
	for _, c := range d.changes {
		for _, p := range c.entries {
			dirs[p.dir] = true
		}
	}
	maps.Copy(dirs, d.dirty)
	for n := range dirs {
		d.sync(n, until)
	}
}

// fold makes the durable changes that no other comes before a part of the directories.
// The others have to wait: what comes later wins.
func (d *disk) fold() {
	for len(d.changes) > 0 && d.changes[0].durable {
		for _, p := range d.changes[0].entries {
			p.enter(p.dir.durable)
		}
		d.changes = d.changes[1:]
	}
}

// perform does all of an edit.
func (e edit) perform(c *content) {
	if e.cuts {
		c.cut(e.size)
	}
	c.grow(e.size)
	copy(c.data[e.at:], e.data)
	if !e.modified.IsZero() {
		c.modified = e.modified
	}
	if e.modes {
		c.marked = e.marked
	}
}

func (c *content) grow(size int64) {
	if more := size - int64(len(c.data)); more > 0 {
		c.data = append(c.data, make([]byte, more)...)
	}
}

// cut makes the content shorter, and lets go of what it was: append would show it.
func (c *content) cut(size int64) {
	if size < int64(len(c.data)) {
		c.data = append([]byte(nil), c.data[:size]...)
	}
}
