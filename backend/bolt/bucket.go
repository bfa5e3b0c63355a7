package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// A bucket is one of bbolt. If it has a trail, that goes ahead.
type bucket struct {
	*bbolt.Bucket
	trail *trail
}

func (b *bucket) Get(key []byte) []byte {
	if b.trail != nil {
		b.trail.to(toward(key), glance)
	}
	return b.Bucket.Get(key)
}

func (b *bucket) Put(key, value []byte) error {
	if b.trail != nil {
		b.trail.to(toward(key), scrutiny)
	}
	return b.Bucket.Put(key, value)
}

func (b *bucket) Delete(key []byte) error {
	if b.trail != nil {
		b.trail.around(toward(key), scrutiny)
	}
	return b.Bucket.Delete(key)
}

func (b *bucket) ForEach(fn func(key, value []byte) error) error {
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := fn(k, v); err != nil {
			return err
		}
	}
	return nil
}

// A cursor is one of bbolt. All pages that its next step can lead to have been looked at.
type cursor struct {
	*bbolt.Cursor
	trail    *trail
	from, to []byte // between which keys the leaf lies that the cursor is on
}

func (b *bucket) Cursor() *cursor { return &cursor{Cursor: b.Bucket.Cursor(), trail: b.trail} }

func (c *cursor) Seek(key []byte) (k, v []byte) {
	c.ahead(toward(key))
	return c.arrived(c.Cursor.Seek(key))
}

func (c *cursor) First() (k, v []byte) {
	c.ahead(toFirst)
	return c.arrived(c.Cursor.First())
}

func (c *cursor) Last() (k, v []byte) {
	c.ahead(toLast)
	return c.arrived(c.Cursor.Last())
}

func (c *cursor) Next() (k, v []byte) { return c.arrived(c.Cursor.Next()) }

func (c *cursor) Prev() (k, v []byte) { return c.arrived(c.Cursor.Prev()) }

func (c *cursor) ahead(take turn) {
	if c.trail != nil {
		c.from, c.to = c.trail.around(take, glance)
	}
}

// arrived goes ahead of the next step.
func (c *cursor) arrived(k, v []byte) ([]byte, []byte) {
	if k != nil && (c.from != nil && bytes.Compare(k, c.from) < 0 || c.to != nil && bytes.Compare(k, c.to) >= 0) {
		c.ahead(toward(k))
	}
	return k, v
}
