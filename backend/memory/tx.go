package memory

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// readTx is a view of the data. It is a separate type, so that a type assertion in a View
// finds no writing methods.
type readTx struct {
	data  *data
	ended bool
}

func (r *readTx) end() { r.ended = true }

func (r *readTx) usable() error {
	if r.ended {
		return storekit.Ended()
	}
	return nil
}

func (r *readTx) Lease(addr netip.Addr) (backend.Lease, error) {
	if err := cmp.Or(r.usable(), storekit.CheckAddr(addr)); err != nil {
		return backend.Lease{}, err
	}
	l, ok := r.data.leases[addr]
	if !ok {
		return backend.Lease{}, storekit.NotFound(addr)
	}
	return l, nil
}

func (r *readTx) OwnedBy(o backend.Owner) ([]backend.Lease, error) {
	if err := r.usable(); err != nil {
		return nil, err
	}
	if o.ContainerID == "" {
		return nil, nil // Torn leases, which are indexed under "", have no owner.
	}
	var owned []backend.Lease
	for _, addr := range r.data.owned[o.ContainerID] {
		if l := r.data.leases[addr]; o.Covers(l.Owner) {
			owned = append(owned, l)
		}
	}
	return owned, nil
}

func (r *readTx) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		if err := cmp.Or(r.usable(), storekit.CheckFrom(from)); err != nil {
			yield(backend.Lease{}, err)
			return
		}
		for _, addr := range r.data.addrs.from(from) {
			if !yield(r.data.leases[addr], nil) {
				return
			}
		}
	}
}

func (r *readTx) NextFree(from, to netip.Addr) (netip.Addr, error) {
	if err := cmp.Or(r.usable(), storekit.CheckSpan(from, to)); err != nil {
		return netip.Addr{}, err
	}
	addr, ok := r.data.nextFree(from, to)
	if !ok {
		return netip.Addr{}, storekit.NoneFree(from, to)
	}
	return addr, nil
}

func (r *readTx) Cursor(set string) (netip.Addr, error) {
	if err := cmp.Or(r.usable(), storekit.CheckSet(set)); err != nil {
		return netip.Addr{}, err
	}
	addr, ok := r.data.cursors[set]
	if !ok {
		return netip.Addr{}, storekit.NoCursor(set)
	}
	return addr, nil
}

func (r *readTx) Cursors() (map[string]netip.Addr, error) {
	if err := r.usable(); err != nil {
		return nil, err
	}
	return maps.Clone(r.data.cursors), nil
}

func (r *readTx) LastSearch() (string, error) {
	if err := r.usable(); err != nil {
		return "", err
	}
	return r.data.lastSearch, nil
}

func (r *readTx) Membership() (backend.Membership, error) {
	if err := r.usable(); err != nil {
		return backend.Membership{}, err
	}
	return r.data.membership, nil
}

func (r *readTx) Blocks(from netip.Addr) iter.Seq2[backend.Block, error] {
	return func(yield func(backend.Block, error) bool) {
		if err := cmp.Or(r.usable(), storekit.CheckFrom(from)); err != nil {
			yield(backend.Block{}, err)
			return
		}
		for _, b := range r.data.blocks {
			if !b.First.Less(from) && !yield(b, nil) {
				return
			}
		}
	}
}

// tx writes to the data at once and records how to undo that.
type tx struct {
	readTx
	undo []func()
}

var (
	_ backend.SharedTx  = (*tx)(nil)
	_ backend.HistoryTx = (*tx)(nil)
)

// commit keeps end from undoing the writes.
func (t *tx) commit() { t.undo = nil }

func (t *tx) end() {
	t.readTx.end()
	for _, undo := range slices.Backward(t.undo) {
		undo()
	}
}

func (t *tx) Put(l backend.Lease) error {
	if err := cmp.Or(t.usable(), storekit.CheckLease(l)); err != nil {
		return err
	}
	if old, ok := t.data.leases[l.Addr]; ok {
		return fmt.Errorf("%s is held by %s: %w", l.Addr, old.Owner, backend.ErrExists)
	}
	if !t.data.canLease(l.Addr) {
		return storekit.NotHeld(l.Addr)
	}
	if err := t.EndCooling(l.Addr); err != nil {
		return err
	}
	l.Since = l.Since.UTC().Round(0) // strips the monotonic clock reading
	t.data.insert(l)
	t.undo = append(t.undo, func() { t.data.remove(l.Addr) })
	return nil
}

func (t *tx) Delete(addr netip.Addr) error {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	old, ok := t.data.leases[addr]
	if !ok {
		return nil
	}
	t.data.remove(addr)
	t.undo = append(t.undo, func() { t.data.insert(old) })
	return nil
}

func (t *tx) SetCursor(set string, addr netip.Addr) error {
	if err := cmp.Or(t.usable(), storekit.CheckSet(set), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	old, ok := t.data.cursors[set]
	t.data.cursors[set] = addr
	t.undo = append(t.undo, func() {
		if t.data.cursors[set] = old; !ok {
			delete(t.data.cursors, set)
		}
	})
	return nil
}

func (t *tx) SetLastSearch(text string) error {
	if err := cmp.Or(t.usable(), storekit.CheckBoot(text)); err != nil {
		return err
	}
	old := t.data.lastSearch
	t.data.lastSearch = text
	t.undo = append(t.undo, func() { t.data.lastSearch = old })
	return nil
}

func (t *tx) SetMembership(m backend.Membership) error {
	if err := cmp.Or(t.usable(), storekit.CheckMembership(m)); err != nil {
		return err
	}
	if m.IsZero() && len(t.data.blocks) > 0 {
		return storekit.HasBlocks(t.data.blocks[0])
	}
	old := t.data.membership
	t.data.membership = m
	t.undo = append(t.undo, func() { t.data.membership = old })
	return nil
}

func (t *tx) PutBlock(b backend.Block) error {
	if err := cmp.Or(t.usable(), storekit.CheckBlock(b)); err != nil {
		return err
	}
	if t.data.membership.IsZero() {
		return storekit.NotShared(b)
	}
	blocks := t.data.blocks
	i, _ := t.data.block(b.First)
	same := i < len(blocks) && blocks[i].First == b.First && blocks[i].Last == b.Last
	if !same && i < len(blocks) && b.Overlaps(blocks[i]) {
		return storekit.Overlap(b, blocks[i])
	}
	t.setBlocks(blocks[:i], []backend.Block{b}, blocks[i+count(same):])
	return nil
}

func (t *tx) DeleteBlock(first netip.Addr) error {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(first)); err != nil {
		return err
	}
	blocks := t.data.blocks
	i, ok := t.data.block(first)
	if !ok || blocks[i].First != first {
		return nil
	}
	leased := t.data.addrs.from(first).upTo(blocks[i].Last)
	if blocks[i].State != backend.Requested && len(leased) > 0 {
		return storekit.Leased(blocks[i], leased[0])
	}
	t.setBlocks(blocks[:i], blocks[i+1:])
	return nil
}

func (t *tx) setBlocks(parts ...[]backend.Block) {
	old := t.data.blocks
	t.data.blocks = slices.Concat(parts...)
	t.undo = append(t.undo, func() { t.data.blocks = old })
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
