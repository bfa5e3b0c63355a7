package bolt

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A shared store has three more buckets: the membership, the blocks, and an index of the open
// blocks in which an address is free. With that index, which changes only when a block fills up
// or is full no longer, an ADD does not pass by the full blocks, however many there are.

var _ backend.SharedTx = (*tx)(nil)

// sharedBuckets are the buckets that only a shared store has; nil in another.
type sharedBuckets struct{ shared, blocks, vacant *bucket }

func (b *sharedBuckets) sharedSlots() (slots [3]bucketSlot) {
	fields := [...]**bucket{&b.shared, &b.blocks, &b.vacant}
	for i, name := range format.SharedBuckets() {
		slots[i] = bucketSlot{name, fields[i]}
	}
	return slots
}

// isShared reports whether the store is shared at this point of the transaction.
func (t *session) isShared() bool { return t.version == format.SharedVersion }

// Membership implements [backend.ReadTx].
func (t *tx) Membership() (m backend.Membership, err error) {
	if err := t.usable(); err != nil || !t.isShared() {
		return m, err
	}
	defer t.rescue(&err)
	m, err = format.DecodeMembership(t.shared.Get(format.MembershipKey))
	if err != nil {
		return m, t.store.damaged(err)
	}
	return m, nil
}

// SetMembership implements [backend.SharedTx].
func (t *tx) SetMembership(m backend.Membership) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckMembership(m)); err != nil {
		return err
	}
	before, err := t.Membership()
	if err != nil {
		return err
	}
	if m.IsZero() {
		for b, err := range t.Blocks(netip.Addr{}) {
			return cmp.Or(err, storekit.HasBlocks(b))
		}
	}
	if m == before {
		return nil
	}
	return t.changeShared(
		func() error { return t.setMembership(m) },
		func() error { return t.setMembership(before) },
	)
}

func (t *session) setMembership(m backend.Membership) error {
	if shared := !m.IsZero(); shared != t.isShared() {
		if err := t.setShared(shared); err != nil {
			return err
		}
	}
	if !t.isShared() {
		return nil
	}
	return t.shared.Put(format.MembershipKey, format.EncodeMembership(m))
}

// setShared makes the store a shared one, or one that is not, which must have no blocks.
func (t *session) setShared(shared bool) error {
	t.version = format.VersionOf(shared)
	if err := t.metaBucket.Put(format.VersionKey, []byte{t.version}); err != nil {
		return err
	}
	if shared {
		if err := createSharedBuckets(t.bolt); err != nil {
			return err
		}
	}
	for _, slot := range t.sharedSlots() {
		if shared {
			*slot.field = &bucket{bbolt: t.bolt.Bucket(slot.name)} // It has no page yet that could be corrupt.
			continue
		}
		(*slot.field).checker.All() // bbolt reads all pages of a bucket that it deletes.
		*slot.field = nil
		if err := t.bolt.DeleteBucket(slot.name); err != nil {
			return err
		}
	}
	return nil
}

func createSharedBuckets(b *bbolt.Tx) error {
	for _, name := range format.SharedBuckets() {
		if _, err := b.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// changeShared makes a change of the membership or of blocks, as [tx.change] does. It needs
// disk space as a Put does.
func (t *tx) changeShared(do, undo func() error) (err error) {
	defer t.rescue(&err)
	if err := t.makeRoom(); err != nil {
		return t.store.wrapErr(err)
	}
	t.changes++
	return t.change(do, undo)
}

// Blocks implements [backend.ReadTx].
func (t *tx) Blocks(from netip.Addr) iter.Seq2[backend.Block, error] {
	return func(yield func(backend.Block, error) bool) {
		key := []byte{}
		if from.IsValid() {
			key = format.AddrKey(from)
		}
		if err := cmp.Or(t.usable(), storekit.CheckFrom(from)); err != nil {
			yield(backend.Block{}, err)
			return
		}
		if !t.isShared() {
			return
		}
		for {
			b, ok, err := t.blockFrom(key)
			if !ok && err == nil || !yield(b, err) || err != nil {
				return
			}
			key = append(format.AddrKey(b.First), 0) // No key is between the two.
		}
	}
}

// blockFrom returns the first block whose key is not before key.
func (t *tx) blockFrom(key []byte) (b backend.Block, ok bool, err error) {
	if err := t.usable(); err != nil {
		return b, false, err
	}
	defer t.rescue(&err)
	k, v := t.blocks.iterate().Seek(key)
	if k == nil {
		return b, false, nil
	}
	b, err = t.decodeBlock(k, v)
	return b, err == nil, err
}

func (t *session) decodeBlock(k, v []byte) (backend.Block, error) {
	b, err := format.DecodeBlock(k, v)
	if err != nil {
		return b, t.store.damaged(err)
	}
	return b, nil
}

// blockAt returns the last block that begins at addr or before. It need not contain addr; the
// zero Block contains no address.
func (t *session) blockAt(addr netip.Addr) (backend.Block, error) {
	if t.cache.block.Contains(addr) {
		return t.cache.block, nil
	}
	k, v := t.blocks.iterate().atOrBefore(format.AddrKey(addr))
	if k == nil {
		return backend.Block{}, nil
	}
	b, err := t.decodeBlock(k, v)
	t.cache.block = b
	return b, err
}

// canLease reports whether the store holds addr.
func (t *session) canLease(addr netip.Addr) (bool, error) {
	if !t.isShared() {
		return true, nil
	}
	b, err := t.blockAt(addr)
	return b.State == backend.Open && b.Contains(addr), err
}

// nextHeld returns the lowest free address in [from, to] of the open blocks.
func (t *session) nextHeld(from, to netip.Addr) (netip.Addr, error) {
	i := t.vacant.iterate()
	k, v := i.atOrBefore(format.AddrKey(from))
	if k == nil {
		k, v = i.Seek(format.AddrKey(from))
	}
	for ; k != nil; k, v = i.Next() {
		first, last, err := format.DecodeVacant(k, v)
		if err != nil {
			return netip.Addr{}, t.store.damaged(err)
		}
		if to.Less(first) || first.BitLen() > from.BitLen() {
			break
		}
		if first.BitLen() < from.BitLen() || last.Less(from) {
			continue
		}
		if first.Less(from) {
			first = from
		}
		if to.Less(last) {
			last = to
		}
		if free, err := t.nextInRuns(first, last); err != nil || free.IsValid() {
			return free, err
		}
	}
	return netip.Addr{}, storekit.NoneFree(from, to)
}

// PutBlock implements [backend.SharedTx].
func (t *tx) PutBlock(b backend.Block) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckBlock(b)); err != nil {
		return err
	}
	if !t.isShared() {
		return storekit.NotShared(b)
	}
	before, err := t.overlapped(b)
	if err != nil {
		return err
	}
	known := before.First == b.First && before.Last == b.Last
	switch {
	case before == b:
		return nil
	case !known && before != (backend.Block{}):
		return storekit.Overlap(b, before)
	}
	return t.changeShared(
		func() error { return t.putBlock(b) },
		func() error {
			if !known {
				return t.deleteBlock(b.First)
			}
			return t.putBlock(before)
		},
	)
}

// overlapped returns the last block that shares an address with b, or the zero Block.
func (t *tx) overlapped(b backend.Block) (other backend.Block, err error) {
	defer t.rescue(&err)
	other, err = t.blockAt(b.Last)
	if err != nil || other != (backend.Block{}) && b.Overlaps(other) {
		return other, err
	}
	return backend.Block{}, nil
}

// DeleteBlock implements [backend.SharedTx].
func (t *tx) DeleteBlock(first netip.Addr) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(first)); err != nil || !t.isShared() {
		return err
	}
	b, err := t.overlapped(backend.Block{First: first, Last: first})
	if err != nil || b.First != first {
		return err
	}
	if b.State != backend.Requested {
		for l, err := range t.Leases(b.First) {
			if err != nil {
				return err
			}
			if b.Contains(l.Addr) {
				return storekit.Leased(b, l.Addr)
			}
			break
		}
	}
	return t.changeShared(
		func() error { return t.deleteBlock(first) },
		func() error { return t.putBlock(b) },
	)
}

func (t *session) putBlock(b backend.Block) error {
	t.cache.block = backend.Block{}
	if err := t.blocks.Put(format.AddrKey(b.First), format.EncodeBlock(b)); err != nil {
		return err
	}
	full, err := t.isFull(b)
	if err != nil {
		return err
	}
	if b.State == backend.Open && !full {
		return t.vacant.Put(format.AddrKey(b.First), format.VacantValue(b))
	}
	return t.vacant.Delete(format.AddrKey(b.First))
}

func (t *session) deleteBlock(first netip.Addr) error {
	t.cache.block = backend.Block{}
	return firstError(
		func() error { return t.blocks.Delete(format.AddrKey(first)) },
		func() error { return t.vacant.Delete(format.AddrKey(first)) },
	)
}

// isFull reports whether all addresses of the block are leased.
func (t *session) isFull(b backend.Block) (bool, error) {
	r, err := t.runAt(b.First)
	return r.Contains(b.First) && r.Contains(b.Last), err
}

// noteFull removes the block of an address that was just leased from the vacant ones if it is full now.
func (t *session) noteFull(addr netip.Addr) error {
	if !t.isShared() {
		return nil
	}
	b, err := t.blockAt(addr)
	if err != nil || !b.Contains(addr) || b.State != backend.Open {
		return err
	}
	r, err := t.runAt(addr)
	if err != nil || !r.Contains(b.First) || !r.Contains(b.Last) {
		return err
	}
	return t.vacant.Delete(format.AddrKey(b.First))
}

// noteVacant adds the open block of an address that was just released to the vacant ones.
func (t *session) noteVacant(addr netip.Addr) error {
	if !t.isShared() {
		return nil
	}
	b, err := t.blockAt(addr)
	if err != nil || !b.Contains(addr) || b.State != backend.Open || t.vacant.Get(format.AddrKey(b.First)) != nil {
		return err
	}
	return t.vacant.Put(format.AddrKey(b.First), format.VacantValue(b))
}

// openSharedBuckets opens the buckets of a shared store, as [session.openBuckets] does, and
// requires that they are all there.
func (t *session) openSharedBuckets() error {
	if !t.isShared() {
		return nil
	}
	for _, slot := range t.sharedSlots() {
		b := t.bolt.Bucket(slot.name)
		if b == nil {
			return t.store.damaged(fmt.Sprintf("bucket %q is missing", slot.name))
		}
		*slot.field = &bucket{b, t.checkers[string(slot.name)]}
	}
	return nil
}
