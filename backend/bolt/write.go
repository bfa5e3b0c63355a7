package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/storekit"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
)

// How full a page is left when it splits. Addresses are mostly leased in ascending order, so
// the next ones go to the page after it. Container IDs come in any order, so their pages
// need room for more. Only the last page of the history changes.
const (
	addrFill    = 0.95
	ownerFill   = 0.7
	historyFill = 1
)

// beginWriting prepares the session for its first write.
func (t *session) beginWriting() error {
	if t.wrote {
		return nil
	}
	mode, err := durable.FreshMode(t.file)
	if err == nil && exchange.IsMark(mode) {
		err = exchange.ErrUnderway
	}
	if err != nil {
		return t.store.wrapErr(err)
	}
	t.wrote = true
	return t.prepare()
}

// prepare prepares the transaction of bbolt for its first write.
func (t *session) prepare() error {
	if !t.isShared() && t.version != format.Version {
		if err := t.upgrade(); err != nil {
			return err
		}
	}
	t.leases.bbolt.FillPercent = addrFill
	t.runs.bbolt.FillPercent = addrFill
	t.owners.bbolt.FillPercent = ownerFill
	t.history.bbolt.FillPercent = historyFill
	t.latest.bbolt.FillPercent = ownerFill
	t.cooling.bbolt.FillPercent = addrFill
	t.queue.bbolt.FillPercent = addrFill
	if t.pods != nil {
		t.pods.bbolt.FillPercent = ownerFill
	}
	return nil
}

// upgrade makes a store of an earlier version one of this version.
func (t *session) upgrade() error {
	for _, slot := range t.slots() {
		if *slot.field != nil {
			continue
		}
		b, err := createBucket(t.bolt, slot.name)
		if err != nil {
			return err
		}
		*slot.field = &bucket{bbolt: b} // It has no page yet that could be checked.
	}
	t.version = format.Version
	return t.metaBucket.Put(format.VersionKey, []byte{format.Version})
}

// Put implements [backend.Tx].
func (t *tx) Put(l backend.Lease) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckLease(l)); err != nil {
		return err
	}
	defer t.rescue(&err)
	if t.leases.Get(format.AddrKey(l.Addr)) != nil {
		return fmt.Errorf("%s: %w", l.Addr, backend.ErrExists)
	}
	if ok, err := t.canLease(l.Addr); err != nil {
		return err
	} else if !ok {
		return storekit.NotHeld(l.Addr)
	}
	if err := t.makeRoom(); err != nil {
		return t.store.wrapErr(err)
	}
	if err := t.endCooling(l.Addr); err != nil {
		return err
	}
	t.changes++
	return t.change(func() error {
		boot, err := t.numberOf(l.Boot)
		if err != nil {
			return err
		}
		return t.insert(l.Addr, l.Owner.ContainerID, format.Encode(l, boot))
	}, func() error {
		return t.remove(l.Addr, l.Owner.ContainerID)
	})
}

// Delete implements [backend.Tx].
func (t *tx) Delete(addr netip.Addr) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	defer t.rescue(&err)
	record := bytes.Clone(t.leases.Get(format.AddrKey(addr)))
	if record == nil {
		return nil
	}
	l, err := t.decode(addr, record)
	if err != nil {
		return err
	}
	t.changes++
	return t.change(func() error {
		return t.remove(addr, l.Owner.ContainerID)
	}, func() error {
		return t.insert(addr, l.Owner.ContainerID, record)
	})
}

// insert writes a lease, and its entries in the indices.
func (t *session) insert(addr netip.Addr, containerID string, record []byte) error {
	return firstError(
		func() error { return t.take(addr) },
		func() error { return t.leases.Put(format.AddrKey(addr), record) },
		func() error { return t.owners.Put(format.OwnerKey(containerID, addr), nil) },
	)
}

// remove removes what insert writes.
func (t *session) remove(addr netip.Addr, containerID string) error {
	return firstError(
		func() error { return t.free(addr) },
		func() error { return t.leases.Delete(format.AddrKey(addr)) },
		func() error { return t.owners.Delete(format.OwnerKey(containerID, addr)) },
	)
}

// take notes in the indices of free addresses that addr is not free any more.
func (t *session) take(addr netip.Addr) error {
	if err := t.addToRuns(addr); err != nil {
		return err
	}
	return t.noteFull(addr)
}

// free notes in the indices of free addresses that addr is free.
func (t *session) free(addr netip.Addr) error {
	if err := t.removeFromRuns(addr); err != nil {
		return err
	}
	return t.noteVacant(addr)
}

// SetCursor implements [backend.Tx].
func (t *tx) SetCursor(set string, addr netip.Addr) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckSet(set), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	before, known := t.cache.cursors[set]
	return t.change(func() error {
		if t.cache.cursors == nil {
			t.cache.cursors = make(map[string]netip.Addr)
		}
		t.cache.cursors[set] = addr
		return nil
	}, func() error {
		if delete(t.cache.cursors, set); known {
			t.cache.cursors[set] = before
		}
		return nil
	})
}

// SetLastSearch implements [backend.Tx].
func (t *tx) SetLastSearch(text string) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckBoot(text)); err != nil {
		return err
	}
	defer t.rescue(&err)
	before := bytes.Clone(t.metaBucket.Get(format.SearchKey))
	return t.change(func() error {
		t.cache.searchKnown = false
		return t.metaBucket.Put(format.SearchKey, []byte(text))
	}, func() error {
		t.cache.searchKnown = false
		if before == nil {
			return t.metaBucket.Delete(format.SearchKey)
		}
		return t.metaBucket.Put(format.SearchKey, before)
	})
}

// change makes a change, which undo reverts. If it fails the session cannot be committed any
// more: the indices would contradict the leases.
func (t *tx) change(do, undo func() error) error {
	err := t.beginWriting()
	if t.puts == 0 && errors.Is(err, backend.ErrNoSpace) && t.store.removeSpare() {
		err = t.beginWriting()
	}
	if err == nil {
		err = do()
	}
	if err != nil {
		t.failed = t.store.wrapErr(err)
		return t.failed
	}
	t.redo = append(t.redo, step{do: do})
	t.undo = append(t.undo, step{do: undo})
	return nil
}

// A step is a change of a transaction, which may have to be made again in another transaction of
// bbolt.
type step struct {
	do        func() error
	ofHistory bool // it can be left out if there is no space
}

// firstError runs the steps until one fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
