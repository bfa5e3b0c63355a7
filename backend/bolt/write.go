package bolt

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
)

// How full a page is left when it splits. Addresses are mostly handed out in
// ascending order, so that what comes next goes to the page after it. Container IDs
// come in no order: their pages need room for more.
const (
	addrFill  = 0.95
	ownerFill = 0.7
)

// writing prepares the transaction for its first write.
func (t *tx) writing() error {
	if t.wrote {
		return nil
	}
	t.wrote = true
	t.leases.FillPercent = addrFill
	t.runs.FillPercent = addrFill
	t.owners.FillPercent = ownerFill
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
		func() error { return t.record(key, l) },
		func() error { return t.owners.Put(ownerKey(l.Owner.ContainerID, l.Addr), nil) },
	)
}

// record puts l into leases.
func (t *tx) record(key []byte, l backend.Lease) error {
	boot, err := t.numberOf(l.Boot)
	if err != nil {
		return err
	}
	return t.leases.Put(key, encode(l, boot))
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
