package bolt

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A tx is what one View or Update sees of a session. It implements [backend.Tx].
type tx struct {
	*session
	puts    int            // as far as makeRoom counts them
	changes int            // Puts and Deletes
	undo    []func() error // what takes back each change, in the order of the changes
	ended   bool           // fn has returned
}

// run calls fn. What fn has written is taken back unless it returns nil.
func (t *session) run(fn func(backend.Tx) error) (err error) {
	tx := &tx{session: t}
	wrote, returned := t.wrote, false
	defer func() {
		tx.ended = true
		if !returned || err != nil {
			tx.takeBack()
			t.wrote = wrote
		}
		t.due.add(tx)
	}()
	err = fn(tx)
	returned = true
	return err
}

// takeBack undoes all changes, for the others in the session.
func (t *tx) takeBack() {
	for _, undo := range slices.Backward(t.undo) {
		if t.damage != nil || t.failed != nil {
			return // Nothing of the session will be committed.
		}
		t.failed = t.guard(undo)
		t.made = append(t.made, undo)
	}
}

// usable returns an error where no method may touch the file.
func (t *tx) usable() error {
	if t.ended {
		return storekit.Ended()
	}
	return t.damage
}

// Lease implements [backend.ReadTx].
func (t *tx) Lease(addr netip.Addr) (l backend.Lease, err error) {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return l, err
	}
	defer t.rescue(&err)
	record := t.leases.Get(addrKey(addr))
	if record == nil {
		return l, storekit.NotFound(addr)
	}
	return t.decode(addr, record)
}

func (t *session) decode(addr netip.Addr, record []byte) (backend.Lease, error) {
	l, boot, err := decode(addr, record)
	if err != nil {
		return l, t.store.damaged(fmt.Sprintf("lease of %s: %v", addr, err))
	}
	l.Boot = t.bootOf(boot)
	return l, nil
}

// OwnedBy implements [backend.ReadTx].
func (t *tx) OwnedBy(o backend.Owner) (leases []backend.Lease, err error) {
	if err := t.usable(); err != nil || o.ContainerID == "" {
		return nil, err
	}
	defer t.rescue(&err)
	prefix := ownerPrefix(o.ContainerID)
	c := t.owners.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		l, err := t.indexed(k)
		if err != nil {
			return nil, err
		}
		if o.Covers(l.Owner) {
			leases = append(leases, l)
		}
	}
	return leases, nil
}

// indexed returns the lease that an entry of the owners index is about.
func (t *session) indexed(entry []byte) (backend.Lease, error) {
	addr, err := keyAddr(entry[hashLen:])
	if err != nil {
		return backend.Lease{}, t.store.damaged(err)
	}
	record := t.leases.Get(entry[hashLen:])
	if record == nil {
		return backend.Lease{}, t.store.damaged(fmt.Sprintf("%s has an owner but no lease", addr))
	}
	return t.decode(addr, record)
}

// Leases implements [backend.ReadTx].
func (t *tx) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		c, k, v, err := t.seek(from)
		for ; err == nil && k != nil; k, v, err = t.next(c) {
			if l, err := t.entry(k, v); !yield(l, err) || err != nil {
				return
			}
		}
		if err != nil {
			yield(backend.Lease{}, err)
		}
	}
}

func (t *tx) seek(from netip.Addr) (c *cursor, k, v []byte, err error) {
	if err := cmp.Or(t.usable(), storekit.CheckFrom(from)); err != nil {
		return nil, nil, nil, err
	}
	defer t.rescue(&err)
	c = t.leases.Cursor()
	if from.IsValid() {
		k, v = c.Seek(addrKey(from))
	} else {
		k, v = c.First()
	}
	return c, k, v, nil
}

func (t *tx) next(c *cursor) (k, v []byte, err error) {
	if err := t.usable(); err != nil {
		return nil, nil, err
	}
	defer t.rescue(&err)
	k, v = c.Next()
	return k, v, nil
}

// entry decodes an entry of leases.
func (t *tx) entry(k, v []byte) (l backend.Lease, err error) {
	defer t.rescue(&err)
	addr, err := keyAddr(k)
	if err != nil {
		return l, t.store.damaged(err)
	}
	return t.decode(addr, v)
}

// NextFree implements [backend.ReadTx].
func (t *tx) NextFree(from, to netip.Addr) (free netip.Addr, err error) {
	if err := cmp.Or(t.usable(), storekit.CheckSpan(from, to)); err != nil {
		return free, err
	}
	defer t.rescue(&err)
	r, err := t.runAt(from)
	if err != nil {
		return free, err
	}
	free = from
	if r.holds(from) {
		free = r.last.Next()
	}
	// After the last address of a family comes the zero address.
	if !free.IsValid() || to.Less(free) {
		return netip.Addr{}, storekit.NoneFree(from, to)
	}
	return free, nil
}

// Cursor implements [backend.ReadTx].
func (t *tx) Cursor(set string) (addr netip.Addr, err error) {
	if err := cmp.Or(t.usable(), storekit.CheckSet(set)); err != nil {
		return addr, err
	}
	defer t.rescue(&err)
	if addr, ok := t.memo.cursors[set]; ok {
		return addr, nil
	}
	key := t.cursors.Get([]byte(set))
	if key == nil {
		return addr, storekit.NoCursor(set)
	}
	return t.cursor(set, key)
}

func (t *session) cursor(set string, key []byte) (netip.Addr, error) {
	addr, err := keyAddr(key)
	if err != nil {
		return addr, t.store.damaged(fmt.Sprintf("cursor of range set %s: %v", set, err))
	}
	return addr, nil
}

// Cursors implements [backend.ReadTx].
func (t *tx) Cursors() (cursors map[string]netip.Addr, err error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	defer t.rescue(&err)
	cursors = make(map[string]netip.Addr)
	err = t.cursors.ForEach(func(set, key []byte) error {
		var err error
		cursors[string(set)], err = t.cursor(string(set), key)
		return err
	})
	maps.Copy(cursors, t.memo.cursors)
	return cursors, err
}

// Boot implements [backend.ReadTx].
func (t *tx) Boot() (id string, err error) {
	if err := t.usable(); err != nil {
		return "", err
	}
	defer t.rescue(&err)
	if !t.memo.lastKnown {
		t.memo.last, t.memo.lastKnown = string(t.meta.Get(bootKey)), true
	}
	return t.memo.last, nil
}
