package files

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// Put implements [backend.Tx]. Of a lease it keeps address, owner and time.
func (t *tx) Put(l backend.Lease) error {
	if err := cmp.Or(t.usable(), storekit.CheckLease(l)); err != nil {
		return err
	}
	if _, ok := t.puts[l.Addr]; ok {
		return fmt.Errorf("%s: %w", l.Addr, backend.ErrExists)
	}
	err := t.file(l.Addr, t.exists)
	if err == nil {
		return t.dir.fail("create", fileName(l.Addr), t.leased(l.Addr))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if t.puts == nil {
		t.puts = map[netip.Addr]backend.Lease{}
	}
	since := l.Since
	if since.IsZero() {
		since = time.Now()
	}
	t.puts[l.Addr] = backend.Lease{Addr: l.Addr, Owner: l.Owner, Since: since.UTC().Round(0), Boot: t.present.id}
	return nil
}

// leased returns why an address cannot be leased that has a file.
func (t *tx) leased(addr netip.Addr) error {
	if t.found != nil && !slices.Contains(t.found.addrs(), addr) {
		return fmt.Errorf("%w: %w", backend.ErrExists, errOvertaken) // It has it since the listing.
	}
	return backend.ErrExists
}

// Delete implements [backend.Tx]. What is not a regular file is not removed:
// who made it, and why, only an administrator can find out.
func (t *tx) Delete(addr netip.Addr) error {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	if _, ok := t.puts[addr]; ok {
		delete(t.puts, addr)
		return nil
	}
	err := t.file(addr, t.remove)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (t *tx) remove(name, actual string) error {
	i, err := t.dir.stat(actual)
	if err != nil {
		return err
	}
	if !i.mode.IsRegular() {
		return t.dir.fail("remove", name, fmt.Errorf("%w: %w; remove it by hand", backend.ErrDamaged, foreign(i.mode)))
	}
	if t.moved == nil {
		t.moved = map[string]string{}
	}
	t.moved[name] = ""
	t.deletes = append(t.deletes, i.deleted(name))
	return nil
}

// A change is what a transaction does to the directory, besides the cursors.
type change struct {
	creates []create
	deletes []deleted
}

func (t *tx) change() (change, error) {
	c := change{deletes: t.deletes}
	for _, addr := range slices.SortedFunc(maps.Keys(t.puts), netip.Addr.Compare) {
		l := t.puts[addr]
		c.creates = append(c.creates, create{fileName(addr), content(l.Owner), l.Since})
	}
	return c, t.changeBoot(&c)
}

// commit does what fn has asked for.
func (t *tx) commit() error {
	c, err := t.change()
	if err != nil {
		return err
	}
	if len(c.creates)+len(c.deletes) == 0 {
		return t.writeCursors()
	}
	if err := t.dir.changing(); err != nil {
		return err
	}
	t.dir.changed = true
	if err := t.clean(); err != nil {
		return err
	}
	if err := t.dir.apply(c); err != nil {
		return noSpace(err)
	}
	// The leases are recorded, which is what Update promises.
	_ = t.writeCursors() // A cursor is a hint: without it the next address is one that was in use lately.
	return nil
}

// clean removes temporary files of an Update that was killed, if there was reason
// to list the directory. They are in nobody's way.
func (t *tx) clean() error {
	if t.found == nil {
		return nil
	}
	for _, name := range t.found.temporary {
		if t.dir.isInUse(name) {
			continue
		}
		if err := ignoreNotExist(t.dir.remove(name)); err != nil {
			return err
		}
	}
	return nil
}
