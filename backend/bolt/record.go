package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
	"github.com/leasehold/leasehold/backend/storekit"
)

// SetPolicy implements [backend.HistoryTx].
func (t *tx) SetPolicy(text string) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckBoot(text)); err != nil {
		return err
	}
	defer t.rescue(&err)
	return t.changeHistory(func(w *overwriter) error {
		return w.put(&t.history, format.PolicyKey, []byte(text))
	})
}

// Record implements [backend.HistoryTx].
func (t *tx) Record(e backend.Ended) (err error) {
	if err := cmp.Or(t.usable(), storekit.CheckEnded(e)); err != nil {
		return err
	}
	defer t.rescue(&err)
	if err := t.makeRoomToRecord(); err != nil {
		return t.store.wrapErr(err)
	}
	if e.Until.After(t.recorded) {
		t.recorded = e.Until
	}
	return t.changeHistory(func(w *overwriter) error {
		first, err := t.firstNumber()
		if err != nil {
			return err
		}
		tail, err := t.tail(first)
		if err != nil {
			return err
		}
		number := tail.Next()
		before, err := w.setLatest(e.Addr, number)
		if err != nil {
			return err
		}
		if err := w.addToPods(e, number, before); err != nil {
			return err
		}
		key, value := tail.With(format.NewPast(e, before))
		return w.put(&w.history, key, value)
	})
}

// DropOldest implements [backend.HistoryTx].
func (t *tx) DropOldest(n int) (err error) {
	if err := t.usable(); err != nil {
		return err
	}
	defer t.rescue(&err)
	if err := t.makeRoomToRecord(); err != nil {
		return t.store.wrapErr(err)
	}
	return t.changeHistory(func(w *overwriter) error {
		first, err := t.firstNumber()
		if err != nil {
			return err
		}
		return w.dropFrom(first, n)
	})
}

// Forget implements [backend.HistoryTx].
func (t *tx) Forget(match func(backend.Ended) bool) (n int, err error) {
	if err := t.usable(); err != nil || t.history == nil {
		return 0, err
	}
	defer t.rescue(&err)
	first, err := t.firstNumber()
	if err != nil {
		return 0, err
	}
	var changed, before []format.Pack
	err = t.history.ForEach(func(k, v []byte) error {
		if !format.IsPackKey(k) {
			return nil
		}
		p, err := t.decodePack(k, v)
		if err != nil {
			return err
		}
		old := format.Pack{First: p.First, List: slices.Clone(p.List)}
		matching, err := t.forgetIn(p, first, match)
		if n += matching; matching > 0 {
			changed, before = append(changed, p), append(before, old)
		}
		return err
	})
	if err != nil || n == 0 {
		return 0, err
	}
	return n, t.changeHistory(func(w *overwriter) error {
		for i, p := range changed {
			if err := w.dropForgotten(before[i], p); err != nil {
				return err
			}
			if err := w.putPack(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// forgetIn forgets the ended leases of a pack for which match is true, and returns how many these
// are. With them it forgets what was dropped.
func (t *session) forgetIn(p format.Pack, first uint64, match func(backend.Ended) bool) (n int, err error) {
	for i, past := range p.List {
		e, err := t.decodePast(past)
		if err != nil {
			return 0, err
		}
		dropped := p.First+uint64(i) < first
		if e.Forgotten() || !dropped && !match(e) {
			continue
		}
		p.List[i] = past.Forgotten()
		if !dropped {
			n++
		}
	}
	return n, nil
}

// changeHistory makes a change by an overwriter.
func (t *tx) changeHistory(do func(*overwriter) error) error {
	w := &overwriter{session: t.session}
	return t.changeOrLose(func() error {
		w.before = nil
		return do(w)
	}, w.restore)
}

// changeOrLose makes a change that can be left out. If do finds damage, the commit leaves out all
// changes of the history that the session has made, also half of this one, and changeOrLose returns what
// was found.
func (t *tx) changeOrLose(do, undo func() error) error {
	err := t.change(func() error { return t.unlessLost(do) }, func() error { return t.unlessLost(undo) })
	if err != nil {
		return err
	}
	t.redo[len(t.redo)-1].ofHistory, t.undo[len(t.undo)-1].ofHistory = true, true
	return t.lost
}

// unlessLost calls op unless damage was found by an earlier one.
func (t *session) unlessLost(op func() error) (err error) {
	if t.lost != nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			fault, ok := p.(page.Fault)
			if !ok {
				panic(p) // It is bbolt's: see rescue.
			}
			t.lost, err = t.store.pageErr(fault), nil
		}
	}()
	err = op()
	if errors.Is(err, backend.ErrDamaged) && t.damage == nil {
		t.lost, err = err, nil
	}
	return err
}

// An overwriter writes entries of buckets, and can restore what they were.
type overwriter struct {
	*session
	before []overwritten
}

type overwritten struct {
	bucket     **bucket // another transaction of bbolt has other buckets
	key, value []byte   // nil: there was none
}

// put writes an entry; a nil value removes it.
func (w *overwriter) put(b **bucket, key, value []byte) error {
	w.before = append(w.before, overwritten{b, key, bytes.Clone((*b).Get(key))})
	return overwrite(*b, key, value)
}

func overwrite(b *bucket, key, value []byte) error {
	if value == nil {
		return b.Delete(key)
	}
	return b.Put(key, value)
}

func (w *overwriter) restore() error {
	for _, o := range slices.Backward(w.before) {
		if err := overwrite(*o.bucket, o.key, o.value); err != nil {
			return err
		}
	}
	return nil
}

func (w *overwriter) putPack(p format.Pack) error { return w.put(&w.history, p.Key(), p.Encode()) }

// setLatest sets the number of an address in latest, and returns the number it had before, or 0.
func (w *overwriter) setLatest(addr netip.Addr, number uint64) (before uint64, err error) {
	key := format.LatestKey(addr)
	entry := format.Latest(w.latest.Get(key))
	if before, err = entry.Of(addr); err != nil {
		return 0, w.store.damaged(err)
	}
	with, err := entry.With(addr, number)
	if err != nil {
		return 0, w.store.damaged(err)
	}
	return before, w.put(&w.latest, key, with)
}

// dropFrom drops at most n ended leases from the number first.
func (w *overwriter) dropFrom(first uint64, n int) error {
	for n > 0 {
		k, v := w.history.iterate().First()
		if !format.IsPackKey(k) {
			break
		}
		p, err := w.decodePack(k, v)
		if err != nil {
			return err
		}
		some := p.From(first)
		some.List = some.List[:min(n, len(some.List))]
		if err := w.dropLatest(some); err != nil {
			return err
		}
		if err := w.dropPods(some); err != nil {
			return err
		}
		first, n = some.Next(), n-len(some.List)
		if first < p.Next() {
			break
		}
		if err := w.put(&w.history, k, nil); err != nil {
			return err
		}
	}
	return w.put(&w.history, format.FirstKey, format.Number(first))
}

// dropLatest removes from latest the numbers of a pack.
func (w *overwriter) dropLatest(p format.Pack) error {
	for i, past := range p.List {
		latest, err := format.Latest(w.latest.Get(format.LatestKey(past.Addr))).Of(past.Addr)
		if err != nil {
			return w.store.damaged(err)
		}
		if latest != p.First+uint64(i) {
			continue
		}
		if _, err := w.setLatest(past.Addr, 0); err != nil {
			return err
		}
	}
	return nil
}
