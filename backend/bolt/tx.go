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
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A tx is the view that one View or Update has of a session. It implements [backend.Tx].
type tx struct {
	*session
	puts    int    // as far as makeRoom counts them
	changes int    // Puts and Deletes
	notes   int    // changes of the history, as far as makeRoomToRecord counts them
	undo    []step // one for each change, in the order of the changes
	ended   bool   // fn has returned
}

// apply calls fn, and undoes what it has written unless it returns nil.
func (t *session) apply(fn func(backend.Tx) error) (err error) {
	tx := &tx{session: t}
	wrote, returned := t.wrote, false
	defer func() {
		tx.ended = true
		if !returned || err != nil {
			tx.rollBackChanges()
			t.wrote = wrote
		}
		t.pending.add(tx)
	}()
	tx.asEach()
	err = fn(tx)
	returned = true
	return err
}

// asEach returns t as each of the interfaces that callers assert, so that the compiler makes the
// method tables. An assertion of an interface that is new to the process would make one, which takes
// as long as recording an ended lease.
//
//go:noinline
func (t *tx) asEach() (backend.ReadTx, backend.HistoryReadTx, backend.HistoryTx, backend.CoolingReadTx, backend.CoolingTx) {
	return t, t, t, t, t
}

// rollBackChanges undoes the changes of one Update, for the others in the session.
func (t *tx) rollBackChanges() {
	for _, undo := range slices.Backward(t.undo) {
		if t.damage != nil || t.failed != nil {
			return // The session will not be committed.
		}
		t.failed = t.guard(undo.do)
		t.redo = append(t.redo, undo)
	}
}

// usable returns an error if no method may use the file.
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
	record := t.leases.Get(format.AddrKey(addr))
	if record == nil {
		return l, storekit.NotFound(addr)
	}
	return t.decode(addr, record)
}

func (t *session) decode(addr netip.Addr, record []byte) (backend.Lease, error) {
	l, boot, err := format.Decode(addr, record)
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
	prefix := format.OwnerPrefix(o.ContainerID)
	i := t.owners.iterate()
	for k, _ := i.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = i.Next() {
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

// indexed returns the lease of an entry of the owners index.
func (t *session) indexed(entry []byte) (backend.Lease, error) {
	addr, err := format.ParseAddr(entry[format.HashLen:])
	if err != nil {
		return backend.Lease{}, t.store.damaged(err)
	}
	record := t.leases.Get(entry[format.HashLen:])
	if record == nil {
		return backend.Lease{}, t.store.damaged(fmt.Sprintf("owners index has %s, which has no lease", addr))
	}
	return t.decode(addr, record)
}

// Leases implements [backend.ReadTx].
func (t *tx) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		i, k, v, err := t.seek(from)
		for ; err == nil && k != nil; k, v, err = t.next(i) {
			if l, err := t.entry(k, v); !yield(l, err) || err != nil {
				return
			}
		}
		if err != nil {
			yield(backend.Lease{}, err)
		}
	}
}

func (t *tx) seek(from netip.Addr) (i *iterator, k, v []byte, err error) {
	if err := cmp.Or(t.usable(), storekit.CheckFrom(from)); err != nil {
		return nil, nil, nil, err
	}
	defer t.rescue(&err)
	i = t.leases.iterate()
	if from.IsValid() {
		k, v = i.Seek(format.AddrKey(from))
	} else {
		k, v = i.First()
	}
	return i, k, v, nil
}

func (t *tx) next(i *iterator) (k, v []byte, err error) {
	if err := t.usable(); err != nil {
		return nil, nil, err
	}
	defer t.rescue(&err)
	k, v = i.Next()
	return k, v, nil
}

// entry decodes an entry of leases.
func (t *tx) entry(k, v []byte) (l backend.Lease, err error) {
	defer t.rescue(&err)
	addr, err := format.ParseAddr(k)
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
	if t.isShared() {
		return t.nextHeld(from, to)
	}
	free, err = t.nextInRuns(from, to)
	if err == nil && !free.IsValid() {
		err = storekit.NoneFree(from, to)
	}
	return free, err
}

// nextInRuns returns the lowest address in [from, to] that is neither leased nor cooling, or the
// zero address.
func (t *session) nextInRuns(from, to netip.Addr) (netip.Addr, error) {
	r, err := t.runAt(from)
	if err != nil {
		return netip.Addr{}, err
	}
	free := from
	if r.Contains(from) {
		free = r.Last.Next() // The address after the last one of a family is the zero address.
	}
	if to.Less(free) {
		free = netip.Addr{}
	}
	return free, nil
}

// Cursor implements [backend.ReadTx].
func (t *tx) Cursor(set string) (addr netip.Addr, err error) {
	if err := cmp.Or(t.usable(), storekit.CheckSet(set)); err != nil {
		return addr, err
	}
	defer t.rescue(&err)
	if addr, ok := t.cache.cursors[set]; ok {
		return addr, nil
	}
	key := t.cursors.Get([]byte(set))
	if key == nil {
		return addr, storekit.NoCursor(set)
	}
	return t.decodeCursor(set, key)
}

func (t *session) decodeCursor(set string, key []byte) (netip.Addr, error) {
	addr, err := format.ParseAddr(key)
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
		cursors[string(set)], err = t.decodeCursor(string(set), key)
		return err
	})
	maps.Copy(cursors, t.cache.cursors)
	return cursors, err
}

// LastSearch implements [backend.ReadTx].
func (t *tx) LastSearch() (id string, err error) {
	if err := t.usable(); err != nil {
		return "", err
	}
	defer t.rescue(&err)
	if !t.cache.searchKnown {
		t.cache.search, t.cache.searchKnown = string(t.metaBucket.Get(format.SearchKey)), true
	}
	return t.cache.search, nil
}
