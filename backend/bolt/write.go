package bolt

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
)

// fill is how full a page is left when it splits. Addresses are mostly handed
// out in ascending order, so that what comes next goes to the page after it;
// container IDs, on the other hand, come in no order, and their pages are left
// half full, as is bbolt's habit.
const fill = 0.9

// writing prepares the transaction for its first write.
func (t *tx) writing() error {
	if t.wrote {
		return nil
	}
	t.wrote = true
	t.leases.FillPercent = fill
	t.runs.FillPercent = fill
	if t.how == creating || t.meta.Get(durableKey) != nil {
		return nil
	}
	// Whoever made the file may have been killed before it synced the
	// directory, and nothing that is promised here would survive then.
	if err := durable.SyncPath(filepath.Dir(t.store.path)); err != nil {
		return err
	}
	return t.meta.Put(durableKey, []byte{1})
}

// Put implements [backend.Tx].
func (t *tx) Put(l backend.Lease) (err error) {
	if err := cmp.Or(t.usable(), backend.CheckLease(l)); err != nil {
		return err
	}
	defer t.rescue(&err)
	key := addrKey(l.Addr)
	if t.leases.Get(key) != nil {
		return fmt.Errorf("%s: %w", l.Addr, backend.ErrExists)
	}
	if err := t.makeRoom(); err != nil {
		return t.store.explain(err)
	}
	return t.all(
		t.writing,
		func() error { return t.join(l.Addr) },
		func() error { return t.leases.Put(key, encode(l)) },
		func() error { return t.owners.Put(ownerKey(l.Owner.ContainerID, l.Addr), nil) },
	)
}

// Delete implements [backend.Tx].
func (t *tx) Delete(addr netip.Addr) (err error) {
	if err := cmp.Or(t.usable(), backend.CheckAddr(addr)); err != nil {
		return err
	}
	defer t.rescue(&err)
	key := addrKey(addr)
	record := t.leases.Get(key)
	if record == nil {
		return nil
	}
	l, err := t.decode(addr, record)
	if err != nil {
		return err
	}
	return t.all(
		t.writing,
		func() error { return t.part(addr) },
		func() error { return t.leases.Delete(key) },
		func() error { return t.owners.Delete(ownerKey(l.Owner.ContainerID, addr)) },
	)
}

// SetCursor implements [backend.Tx].
func (t *tx) SetCursor(set string, addr netip.Addr) (err error) {
	if err := cmp.Or(t.usable(), backend.CheckSet(set), backend.CheckAddr(addr)); err != nil {
		return err
	}
	defer t.rescue(&err)
	return t.all(t.writing, func() error { return t.cursors.Put([]byte(set), addrKey(addr)) })
}

// SetBoot implements [backend.Tx].
func (t *tx) SetBoot(id string) (err error) {
	if err := cmp.Or(t.usable(), backend.CheckBoot(id)); err != nil {
		return err
	}
	defer t.rescue(&err)
	return t.all(t.writing, func() error { return t.meta.Put(bootKey, []byte(id)) })
}

// all takes the steps of one change. If one fails the transaction can no longer
// be committed: the indices would contradict the leases.
func (t *tx) all(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			t.failed = t.store.explain(err)
			return t.failed
		}
	}
	return nil
}
