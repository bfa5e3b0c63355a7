//go:build linux

package powercut

import (
	"maps"
	"path"
	"strings"
	"time"
)

// A disk models which changes have been synced.
type disk struct {
	root    *node
	now     int      // number of events so far
	changes []change // changes of names, from the first that is not durable
	dirty   map[*node]bool
}

// A node is a file or a directory.
type node struct {
	isDir   bool
	names   map[string]*node // seen by programs
	durable map[string]*node // durable, without disk.changes

	inode   int
	content content // durable content
	pending []edit
	size    int64 // seen by programs
}

// content is the content of a file.
type content struct {
	data     []byte
	modified time.Time
	marked   bool // the store is marked as replaced: see exchange.Marked
}

// A change adds or removes names, all at once.
type change struct {
	now     int
	what    string
	entries []place
	durable bool
}

// A place is a name in a directory.
type place struct {
	dir  *node
	name string
	to   *node // nil to remove the name
}

// An entry is a place given by its path.
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
	grows    bool // extends the file to size
	cuts     bool // truncates or extends the file to size
	modified time.Time
	modes    bool // sets marked
	marked   bool
}

func newDisk() *disk { return &disk{root: newDir(), dirty: map[*node]bool{}} }

func newDir() *node {
	return &node{isDir: true, names: map[string]*node{}, durable: map[string]*node{}}
}

// find returns the node that programs see at a path.
func (d *disk) find(at string) (*node, error) {
	n := d.root
	if at == "." {
		return n, nil
	}
	for name := range strings.SplitSeq(at, "/") {
		if n = n.names[name]; n == nil {
			return nil, errMissing(at)
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

// sync makes the changes to a node durable, up to an event.
func (d *disk) sync(n *node, until int) {
	for i, c := range d.changes {
		for _, p := range c.entries {
			if p.dir == n && c.now <= until {
				d.changes[i].durable = true
			}
		}
	}
	d.applyDurable()
	for len(n.pending) > 0 && n.pending[0].now <= until {
		n.pending[0].apply(&n.content)
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

// applyDurable applies durable changes to the directories, in order. Changes after one that
// is not durable have to wait, because the later change of a name wins.
func (d *disk) applyDurable() {
	for len(d.changes) > 0 && d.changes[0].durable {
		for _, p := range d.changes[0].entries {
			p.enter(p.dir.durable)
		}
		d.changes = d.changes[1:]
	}
}

// apply applies the whole edit.
func (e edit) apply(c *content) {
	if e.cuts {
		c.truncate(e.size)
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

// truncate shortens the content. It copies, because append would otherwise bring the old
// bytes back.
func (c *content) truncate(size int64) {
	if size < int64(len(c.data)) {
		c.data = append([]byte(nil), c.data[:size]...)
	}
}
