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

// Put implements [backend.Tx]. It keeps the address, owner and time of a lease, and whether that
// is known to be of an earlier boot.
func (t *tx) Put(l backend.Lease) error {
	if err := cmp.Or(t.usable(), storekit.CheckLease(l)); err != nil {
		return err
	}
	if _, ok := t.puts[l.Addr]; ok {
		return fmt.Errorf("%s: %w", l.Addr, backend.ErrExists)
	}
	err := t.withFile(l.Addr, t.checkExists)
	if err == nil {
		return t.dir.fail("create", fileName(l.Addr), t.leasedError(l.Addr))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if t.puts == nil {
		t.puts = map[netip.Addr]newLease{}
	}
	since := l.Since
	if since.IsZero() {
		since = time.Now()
	}
	put := newLease{backend.Lease{Addr: l.Addr, Owner: l.Owner, Since: since.UTC().Round(0)}, t.present.isEarlier(l)}
	if !put.earlier {
		put.Boot = t.present.id
	}
	t.puts[l.Addr] = put
	return nil
}

// leasedError returns the reason why an address that has a file cannot be leased.
func (t *tx) leasedError(addr netip.Addr) error {
	if t.listing != nil && !slices.Contains(t.listing.addrs(), addr) {
		return fmt.Errorf("%w: %w", backend.ErrExists, errOvertaken) // The file appeared after the listing.
	}
	return backend.ErrExists
}

// Delete implements [backend.Tx]. Anything other than a regular file is not removed: an
// administrator has to find out where it comes from.
func (t *tx) Delete(addr netip.Addr) error {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	if _, ok := t.puts[addr]; ok {
		delete(t.puts, addr)
		return nil
	}
	err := t.withFile(addr, t.remove)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (t *tx) remove(name, resolved string) error {
	i, err := t.dir.stat(resolved)
	if err != nil {
		return err
	}
	if !i.mode.IsRegular() {
		return t.dir.fail("remove", name, foreignKind(i.mode))
	}
	if t.redirects == nil {
		t.redirects = map[string]string{}
	}
	t.redirects[name] = ""
	t.deletes = append(t.deletes, i.asDeleted(name))
	return nil
}

// A changeSet is all that a transaction changes in the directory, except the cursors.
type changeSet struct {
	creates []newFile
	deletes []deletedFile
}

func (t *tx) changeSet() (changeSet, error) {
	c := changeSet{deletes: t.deletes}
	for _, addr := range slices.SortedFunc(maps.Keys(t.puts), netip.Addr.Compare) {
		l := t.puts[addr]
		c.creates = append(c.creates, newFile{fileName(addr), leaseContent(l.Owner), l.Since, l.earlier})
	}
	return c, t.addMarker(&c)
}

// commit makes the changes that fn asked for.
func (t *tx) commit() error {
	c, err := t.changeSet()
	if err != nil {
		return err
	}
	if len(c.creates)+len(c.deletes) == 0 {
		return t.writeCursors()
	}
	if err := t.dir.markDirty(); err != nil {
		return err
	}
	t.dir.wrote = true
	if err := t.removeTemporary(); err != nil {
		return err
	}
	if err := t.dir.apply(c); err != nil {
		return noSpace(err)
	}
	// Update promises no more than the leases, which are recorded. Without the cursor, the next
	// address may be one that was in use recently.
	_ = t.writeCursors()
	return nil
}

// removeTemporary removes temporary files of killed Updates if the directory was listed anyway. They do
// no harm.
func (t *tx) removeTemporary() error {
	if t.listing == nil {
		return nil
	}
	for _, name := range t.listing.temporary {
		if t.dir.isInUse(name) {
			continue
		}
		if err := ignoreNotExist(t.dir.remove(name)); err != nil {
			return err
		}
	}
	return nil
}
