package bolt

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/storekit"
)

// The history is two buckets, and pods.go has a third. history has the ended leases by number, packed: see [format.Pack].
// Each names the one before it of the same address. latest has the number of the last one of each
// address, from which a reader follows these. What is dropped is first only numbered as dropped: its
// pack goes when it has nothing else.

var _ backend.HistoryTx = (*tx)(nil)

// History implements [backend.HistoryReadTx].
func (t *tx) History() iter.Seq2[backend.Ended, error] { return t.decodePasts(t.pasts) }

// HistoryBackward implements [backend.HistoryReadTx].
func (t *tx) HistoryBackward() iter.Seq2[backend.Ended, error] { return t.decodePasts(t.pastsBackward) }

// HistoryOf implements [backend.HistoryReadTx].
func (t *tx) HistoryOf(addr netip.Addr) iter.Seq2[backend.Ended, error] {
	return t.decodePasts(t.pastsOf(addr))
}

func (t *tx) decodePasts(all iter.Seq2[format.Past, error]) iter.Seq2[backend.Ended, error] {
	return func(yield func(backend.Ended, error) bool) {
		for p, err := range all {
			var e backend.Ended
			if err == nil {
				e, err = t.decodePast(p)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (t *session) decodePast(p format.Past) (backend.Ended, error) {
	e, err := p.Ended()
	if err != nil {
		return backend.Ended{}, t.store.damaged(err)
	}
	return e, nil
}

// pasts yields the whole history. It decodes no more of a pack than is asked for, because most who ask
// want the oldest one.
func (t *tx) pasts(yield func(format.Past, error) bool) {
	first, err := t.firstPast()
	var i *iterator
	for to := move((*iterator).First); err == nil; to = (*iterator).Next {
		var k, v []byte
		if i, k, v, err = t.rawPackAt(i, to); k == nil {
			break
		}
		for p, err := range format.EachPast(k, v, first) {
			if err != nil {
				err = t.store.damaged(err)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
	if err != nil {
		yield(format.Past{}, err)
	}
}

// pastsBackward yields the whole history, backwards.
func (t *tx) pastsBackward(yield func(format.Past, error) bool) {
	t.eachPack(toLastPack, (*iterator).Prev, func(list []format.Past) bool {
		for _, p := range slices.Backward(list) {
			if !yield(p, nil) {
				return false
			}
		}
		return true
	}, yield)
}

// A move moves an iterator.
type move func(*iterator) (k, v []byte)

func toLastPack(i *iterator) (k, v []byte) {
	i.Seek(format.FirstKey)
	return i.Prev()
}

// eachPack calls each with what was not dropped of each pack until it returns false, and yields an
// error.
func (t *tx) eachPack(to, next move, each func([]format.Past) bool, yield func(format.Past, error) bool) {
	first, err := t.firstPast()
	var i *iterator
	for ; err == nil; to = next {
		var p format.Pack
		if i, p, err = t.packAt(i, to); err == nil && (len(p.List) == 0 || !each(p.From(first).List)) {
			return
		}
	}
	yield(format.Past{}, err)
}

// packAt decodes the pack to which a move leads; i is nil before the first. At the end it returns
// an empty pack.
func (t *tx) packAt(i *iterator, to move) (_ *iterator, p format.Pack, err error) {
	i, k, v, err := t.rawPackAt(i, to)
	if err != nil || k == nil {
		return i, p, err
	}
	p, err = t.decodePack(k, v)
	return i, p, err
}

// rawPackAt returns the entry of the pack to which a move leads, and a nil key at the end.
func (t *tx) rawPackAt(i *iterator, to move) (_ *iterator, k, v []byte, err error) {
	if err := t.usable(); err != nil || t.history == nil {
		return i, nil, nil, err
	}
	defer t.rescueHistory(&err)
	if i == nil {
		i = t.history.iterate()
	}
	if k, v = to(i); k != nil && !format.IsPackKey(k) {
		k = nil
	}
	return i, k, v, nil
}

func (t *session) decodePack(k, v []byte) (format.Pack, error) {
	p, err := format.DecodePack(k, v)
	if err != nil {
		return p, t.store.damaged(err)
	}
	return p, nil
}

// firstPast returns the number of the first ended lease that was not dropped.
func (t *tx) firstPast() (number uint64, err error) {
	if err := t.usable(); err != nil || t.history == nil {
		return 1, err
	}
	defer t.rescueHistory(&err)
	return t.firstNumber()
}

func (t *session) firstNumber() (uint64, error) {
	number, err := format.ParseNumber(t.history.Get(format.FirstKey))
	if err != nil {
		return 0, t.store.damaged(err)
	}
	return number, nil
}

// pastsOf iterates over the ended leases of an address, backwards.
func (t *tx) pastsOf(addr netip.Addr) iter.Seq2[format.Past, error] {
	return func(yield func(format.Past, error) bool) {
		first, err := t.firstPast()
		var number uint64
		if err == nil {
			number, err = t.latestOf(addr)
		}
		for err == nil && number >= first {
			var p format.Past
			if p, err = t.pastAt(number, addr); err == nil && !yield(p, nil) {
				return
			}
			number = p.Before
		}
		if err != nil {
			yield(format.Past{}, err)
		}
	}
}

// latestOf returns the number of the ended lease of an address that was recorded last, or 0.
func (t *tx) latestOf(addr netip.Addr) (number uint64, err error) {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil || t.latest == nil {
		return 0, err
	}
	defer t.rescueHistory(&err)
	if number, err = format.Latest(t.latest.Get(format.LatestKey(addr))).Of(addr); err != nil {
		return 0, t.store.damaged(err)
	}
	return number, nil
}

// pastAt returns the ended lease with a number, which has to be of addr.
func (t *tx) pastAt(number uint64, addr netip.Addr) (p format.Past, err error) {
	if err := t.usable(); err != nil {
		return p, err
	}
	defer t.rescueHistory(&err)
	pack, err := t.packWith(number)
	if err != nil {
		return p, err
	}
	p, ok := pack.At(number)
	if !ok || p.Addr != addr {
		return p, t.store.damaged(fmt.Sprintf("number %d of the history is not of %s", number, addr))
	}
	return p, nil
}

// packWith returns the pack that has a number, or would have it.
func (t *session) packWith(number uint64) (format.Pack, error) {
	key := format.PackKey(number)
	i := t.history.iterate()
	k, v := i.Seek(key)
	if !bytes.Equal(k, key) {
		k, v = i.Prev()
	}
	if k == nil {
		return format.Pack{}, nil
	}
	return t.decodePack(k, v)
}

// tail returns the last pack. The history begins with the number first if it is empty.
func (t *session) tail(first uint64) (format.Tail, error) {
	k, v := toLastPack(t.history.iterate())
	if k == nil {
		return format.NewTail(first), nil
	}
	tail, err := format.DecodeTail(k, v)
	if err != nil {
		return tail, t.store.damaged(err)
	}
	return tail, nil
}

// HistoryLen implements [backend.HistoryReadTx].
func (t *tx) HistoryLen() (n int, err error) {
	first, err := t.firstPast()
	if err != nil || t.history == nil {
		return 0, err
	}
	defer t.rescueHistory(&err)
	k, v := toLastPack(t.history.iterate())
	if k == nil {
		return 0, nil
	}
	next, err := format.NextAfter(k, v)
	if err != nil || next < first {
		return 0, t.store.damaged(cmp.Or(err, fmt.Errorf("history begins with number %d and ends before it", first)))
	}
	return int(next - first), nil
}

// Policy implements [backend.HistoryReadTx].
func (t *tx) Policy() (text string, err error) {
	if err := t.usable(); err != nil || t.history == nil {
		return "", err
	}
	defer t.rescueHistory(&err)
	return string(t.history.Get(format.PolicyKey)), nil
}
