package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
)

// How full a page is left when it splits. Addresses are mostly handed out in
// ascending order, so that what comes next goes to the page after it. Container IDs
// come in no order: their pages need room for more.
const (
	addrFill  = 0.95
	ownerFill = 0.7
)

// writing prepares the transaction for its first write.
func (t *session) writing() error {
	if t.wrote {
		return nil
	}
	mode, err := durable.SetSettled(t.file, false)
	if err == nil && exchange.IsMark(mode) {
		err = exchange.ErrUnderway
	}
	if err != nil {
		return t.store.explain(err)
	}
	t.wrote = true
	return t.prepare()
}

// prepare makes the transaction of bbolt ready for its first write.
func (t *session) prepare() error {
	if t.format != format {
		t.format = format
		if err := t.meta.Put(formatKey, []byte{format}); err != nil {
			return err
		}
	}
	t.leases.FillPercent = addrFill
	t.runs.FillPercent = addrFill
	t.owners.FillPercent = ownerFill
	return nil
}

// Put implements [backend.Tx].
func (t *tx) Put(l backend.Lease) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckLease(l)); err != nil {
		return err
	}
	defer t.rescue(&err)
	if t.leases.Get(addrKey(l.Addr)) != nil {
		return fmt.Errorf("%s: %w", l.Addr, backend.ErrExists)
	}
	if err := t.makeRoom(); err != nil {
		return t.store.explain(err)
	}
	t.changes++
	return t.change(func() error {
		boot, err := t.numberOf(l.Boot)
		if err != nil {
			return err
		}
		return t.insert(l.Addr, l.Owner.ContainerID, encode(l, boot))
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
	record := bytes.Clone(t.leases.Get(addrKey(addr)))
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

// insert writes a lease, and to the indices that it is there.
func (t *session) insert(addr netip.Addr, containerID string, record []byte) error {
	return firstError(
		func() error { return t.join(addr) },
		func() error { return t.leases.Put(addrKey(addr), record) },
		func() error { return t.owners.Put(ownerKey(containerID, addr), nil) },
	)
}

// remove removes what insert has written.
func (t *session) remove(addr netip.Addr, containerID string) error {
	return firstError(
		func() error { return t.part(addr) },
		func() error { return t.leases.Delete(addrKey(addr)) },
		func() error { return t.owners.Delete(ownerKey(containerID, addr)) },
	)
}

// SetCursor implements [backend.Tx].
func (t *tx) SetCursor(set string, addr netip.Addr) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckSet(set), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	before, known := t.memo.cursors[set]
	return t.change(func() error {
		if t.memo.cursors == nil {
			t.memo.cursors = make(map[string]netip.Addr)
		}
		t.memo.cursors[set] = addr
		return nil
	}, func() error {
		if delete(t.memo.cursors, set); known {
			t.memo.cursors[set] = before
		}
		return nil
	})
}

// SetBoot implements [backend.Tx].
func (t *tx) SetBoot(id string) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckBoot(id)); err != nil {
		return err
	}
	defer t.rescue(&err)
	before := bytes.Clone(t.meta.Get(bootKey))
	return t.change(func() error {
		t.memo.lastKnown = false
		return t.meta.Put(bootKey, []byte(id))
	}, func() error {
		t.memo.lastKnown = false
		if before == nil {
			return t.meta.Delete(bootKey)
		}
		return t.meta.Put(bootKey, before)
	})
}

// change makes a change, which undo takes back. If it fails the session can no longer
// be committed: the indices would contradict the leases.
func (t *tx) change(do, undo func() error) error {
	err := t.writing()
	if t.puts == 0 && errors.Is(err, backend.ErrNoSpace) && t.spend() {
		err = t.writing()
	}
	if err == nil {
		err = do()
	}
	if err != nil {
		t.failed = t.store.explain(err)
		return t.failed
	}
	t.made = append(t.made, do)
	t.undo = append(t.undo, undo)
	return nil
}

// firstError takes the steps until one fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
