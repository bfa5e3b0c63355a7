package bolt

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A cooling address is in the runs, as a leased one is. So the next free address is still one
// look-up, however many are cooling and wherever they are.

var _ backend.CoolingTx = (*tx)(nil)

// CoolingFrom implements [backend.CoolingReadTx].
func (t *tx) CoolingFrom(from netip.Addr) iter.Seq2[backend.Cooling, error] {
	first := move((*iterator).First)
	if from.IsValid() {
		first = func(i *iterator) (k, v []byte) { return i.Seek(format.AddrKey(from)) }
	}
	return func(yield func(backend.Cooling, error) bool) {
		if err := storekit.CheckFrom(from); err != nil {
			yield(backend.Cooling{}, err)
			return
		}
		t.eachCooling(t.cooling, first, (*iterator).Next, format.DecodeCooling, yield)
	}
}

// LongestCooling implements [backend.CoolingReadTx].
func (t *tx) LongestCooling() iter.Seq2[backend.Cooling, error] {
	return func(yield func(backend.Cooling, error) bool) {
		t.eachCooling(t.queue, (*iterator).First, (*iterator).Next, decodeQueue, yield)
	}
}

// LatestCooling implements [backend.CoolingReadTx].
func (t *tx) LatestCooling() iter.Seq2[backend.Cooling, error] {
	return func(yield func(backend.Cooling, error) bool) {
		t.eachCooling(t.queue, (*iterator).Last, (*iterator).Prev, decodeQueue, yield)
	}
}

func decodeQueue(key, _ []byte) (backend.Cooling, error) { return format.DecodeQueue(key) }

// eachCooling yields the entries of a bucket.
func (t *tx) eachCooling(b *bucket, to, next move, decode func(k, v []byte) (backend.Cooling, error), yield func(backend.Cooling, error) bool) {
	var i *iterator
	for ; ; to = next {
		var c backend.Cooling
		var ok bool
		var err error
		if i, c, ok, err = t.coolingAt(b, i, to, decode); !ok && err == nil || !yield(c, err) || err != nil {
			return
		}
	}
}

// coolingAt decodes the entry to which a move leads; i is nil before the first.
func (t *tx) coolingAt(b *bucket, i *iterator, to move, decode func(k, v []byte) (backend.Cooling, error)) (_ *iterator, c backend.Cooling, ok bool, err error) {
	if err := t.usable(); err != nil || b == nil {
		return i, c, false, err
	}
	defer t.rescue(&err)
	if i == nil {
		i = b.iterate()
	}
	k, v := to(i)
	if k == nil {
		return i, c, false, nil
	}
	if c, err = decode(k, v); err != nil {
		return i, backend.Cooling{}, false, t.store.damaged(err)
	}
	return i, c, true, nil
}

// Cool implements [backend.CoolingTx].
func (t *tx) Cool(addr netip.Addr, since time.Time) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	defer t.rescue(&err)
	if t.leases.Get(format.AddrKey(addr)) != nil {
		return fmt.Errorf("%s: %w", addr, backend.ErrExists)
	}
	if err := t.makeRoomToRecord(); err != nil {
		return t.store.wrapErr(err)
	}
	return t.changeOrLose(t.coolingChange(addr, format.CoolingTime(storekit.CoolingSince(since))))
}

// EndCooling implements [backend.CoolingTx].
func (t *tx) EndCooling(addr netip.Addr) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	defer t.rescue(&err)
	return t.endCooling(addr)
}

func (t *tx) endCooling(addr netip.Addr) error {
	if t.cooling == nil || t.cooling.Get(format.AddrKey(addr)) == nil {
		return nil
	}
	return t.change(t.coolingChange(addr, nil))
}

// coolingChange returns the change that gives an address that is not leased a value in cooling, or none
// for nil, and its opposite.
func (t *tx) coolingChange(addr netip.Addr, value []byte) (do, undo func() error) {
	w := &overwriter{session: t.session}
	undoRuns := func(netip.Addr) error { return nil }
	return func() error {
			w.before, undoRuns = nil, func(netip.Addr) error { return nil }
			key := format.AddrKey(addr)
			old := w.cooling.Get(key)
			switch {
			case old == nil && value == nil: // The step that made it cooling was left out.
				return nil
			case old == nil:
				undoRuns = t.free
				if err := t.take(addr); err != nil {
					return err
				}
			case value == nil:
				undoRuns = t.take
				if err := t.free(addr); err != nil {
					return err
				}
			}
			if old != nil {
				if err := w.put(&w.queue, format.QueueKey(old, addr), nil); err != nil {
					return err
				}
			}
			if value != nil {
				if err := w.put(&w.queue, format.QueueKey(value, addr), []byte{}); err != nil {
					return err
				}
			}
			return w.put(&w.cooling, key, value)
		}, func() error {
			if err := w.restore(); err != nil {
				return err
			}
			return undoRuns(addr)
		}
}
