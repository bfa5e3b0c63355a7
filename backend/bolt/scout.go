package bolt

import (
	"fmt"
	"unsafe"
)

// scout looks at what bbolt reads as soon as it opens the file to write to it: the list
// of free pages. With that it would give away pages that are in use, or ask for as
// much memory as some damaged number says.
func (t *session) scout() error {
	if t.how != updating || t.sound {
		return nil
	}
	i, slots := openImage(t.file, t.size)
	id, ok := latest(slots)
	if !ok {
		return nil // bbolt says so.
	}
	m := slots[id].meta
	err := i.holds(m)
	if err == nil {
		err = succession(slots)
	}
	if err != nil {
		return t.store.damaged(metaFault(id, err))
	}
	if m.freelist == noFreelist { // bbolt goes through all trees to make one.
		err := t.store.check(t.file)
		t.sound = err == nil
		return err
	}
	t.listed = newBitmap(m.end)
	if t.free, err = i.freePages(m, t.listed); err != nil {
		return t.store.damaged(fault{page: m.freelist, part: "list of free pages", err: err})
	}
	return nil
}

// findBuckets opens the buckets. It looks at the pages that say where these are, and at
// those buckets that are small enough to stand there themselves.
func (t *session) findBuckets() {
	var trails map[string]*trail
	if !t.sound {
		trails = t.layTrails()
	}
	for _, b := range t.buckets() {
		if found := t.bolt.Bucket(b.name); found != nil {
			*b.is = &bucket{found, trails[string(b.name)]}
		}
	}
}

// layTrails returns trails for the buckets that have a tree of their own.
func (t *session) layTrails() map[string]*trail {
	trails := make(map[string]*trail)
	root := newTrail(t.walker(), "root", t.mapped(), uint64(t.bolt.Cursor().Bucket().Root()))
	root.leaf = func(page uint64, _ int, e element) error {
		if !e.bucket {
			return nil // bbolt does not find it.
		}
		h, inside, id, err := bucketEntry{page, e.value}.parse()
		switch name := string(e.key); {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case id != 0:
			trails[name] = newTrail(root.walker, name, root.data, id)
		case !tidy(h, inside):
			return eachElement(h, inside, noBucket)
		}
		return nil
	}
	root.all(place{id: root.root})
	return trails
}

// walker returns one for what a transaction sees of the file.
func (t *session) walker() *walker {
	end := uint64(t.bolt.Size()) / uint64(t.pageSize)
	w := &walker{image: image{t.file, t.size, int64(t.pageSize)}, end: end, seen: t.listed, free: t.free}
	if w.seen == nil {
		w.seen = newBitmap(end)
	}
	return w
}

// mapped returns the pages that bbolt sees.
func (t *session) mapped() []byte {
	info := t.db.Info()
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&info.Data)), t.bolt.Size())
}
