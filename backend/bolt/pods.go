package bolt

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

// The bucket pods leads from a pod to its ended leases. It is made by the first call of
// IndexPods, so that only networks with "prefer" pay for it. All of it can be made again from the history.

// HistoryOfPod implements [backend.HistoryReadTx].
func (t *tx) HistoryOfPod(pod backend.Pod) iter.Seq2[backend.Ended, error] {
	return func(yield func(backend.Ended, error) bool) {
		numbers, err := t.numbersOf(pod)
		if err != nil {
			yield(backend.Ended{}, err)
			return
		}
		for _, number := range numbers {
			e, err := t.endedOf(pod, number)
			if err == nil && e.Forgotten() {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// numbersOf returns the numbers of the ended leases of a pod, and of any with the same hash.
func (t *tx) numbersOf(pod backend.Pod) (_ format.PodNumbers, err error) {
	if err := t.usable(); err != nil || t.pods == nil || pod == (backend.Pod{}) {
		return nil, err
	}
	defer t.rescueHistory(&err)
	return t.podNumbers(format.PodKey(pod))
}

func (t *session) podNumbers(key []byte) (format.PodNumbers, error) {
	numbers, err := format.DecodePodNumbers(key, t.pods.Get(key))
	if err != nil {
		return nil, t.store.damaged(err)
	}
	return numbers, nil
}

// endedOf returns the ended lease with a number if it is of the pod, and otherwise one that was
// forgotten.
func (t *tx) endedOf(pod backend.Pod, number uint64) (e backend.Ended, err error) {
	if err := t.usable(); err != nil {
		return e, err
	}
	defer t.rescueHistory(&err)
	p, err := t.pastNumbered(number)
	if err != nil {
		return e, err
	}
	e, err = t.decodePast(p)
	if err == nil && e.Pod != pod {
		e = backend.Ended{}
	}
	return e, err
}

// IndexPods implements [backend.HistoryTx].
func (t *tx) IndexPods() (err error) {
	if err := t.usable(); err != nil || t.pods != nil {
		return err
	}
	defer t.rescue(&err)
	numbers, err := t.numbersToIndex()
	if err != nil {
		return err
	}
	pages := int64(len(numbers))*podEntryLen/int64(t.pageSize) + 2*levelsOf(t.bolt.Size())
	if err := t.makeRoomToRecord(); err != nil {
		return t.store.wrapErr(err)
	}
	t.pending.indices += pages
	if err := t.allocateAhead(t.toCommit(0) + t.pagesTouched()); err != nil {
		t.pending.indices -= pages
		return t.store.wrapErr(err)
	}
	return t.changeOrLose(t.makePods, t.dropPodsBucket)
}

// podEntryLen is more than the length of an entry of pods in a page that is half full, unless a pod
// has had many addresses.
const podEntryLen = 2 * (16 + format.HashLen + 8)

// numbersToIndex returns the numbers of the newest ended leases, by the keys of their pods.
func (t *session) numbersToIndex() (map[string]format.PodNumbers, error) {
	numbers := make(map[string]format.PodNumbers)
	if t.history == nil {
		return numbers, nil
	}
	first, err := t.firstNumber()
	if err != nil {
		return nil, err
	}
	type address struct {
		pod  string
		addr netip.Addr
	}
	seen := make(map[address]bool)
	left := backend.IndexedBefore
	i := t.history.iterate()
	for k, v := toLastPack(i); k != nil && left > 0; k, v = i.Prev() {
		p, err := t.decodePack(k, v)
		if err != nil {
			return nil, err
		}
		p = p.From(first)
		for n := len(p.List) - 1; n >= 0 && left > 0; n, left = n-1, left-1 {
			pod := p.List[n].Pod()
			a := address{string(format.PodKey(pod)), p.List[n].Addr}
			if pod == (backend.Pod{}) || seen[a] || len(numbers[a.pod]) == backend.PodAddrs {
				continue
			}
			seen[a] = true
			numbers[a.pod] = append(numbers[a.pod], p.First+uint64(n))
		}
	}
	return numbers, nil
}

// makePods makes the bucket pods.
func (t *session) makePods() error {
	numbers, err := t.numbersToIndex()
	if err != nil {
		return err
	}
	b, err := t.bolt.CreateBucket(format.PodsBucket)
	if err != nil {
		return err
	}
	b.FillPercent = ownerFill
	t.pods = &bucket{bbolt: b} // It has no page yet that could be checked.
	for _, key := range slices.Sorted(maps.Keys(numbers)) {
		if err := t.pods.Put([]byte(key), numbers[key].Encode()); err != nil {
			return err
		}
	}
	return nil
}

// dropPodsBucket removes the bucket pods, which the same transaction has made.
func (t *session) dropPodsBucket() error {
	t.pods = nil
	return t.bolt.DeleteBucket(format.PodsBucket)
}

// addToPods adds the number of an ended lease to the entry of its pod. It replaces the number with the
// same address, and the oldest one if the entry is full. before is the number of the ended lease of the address that
// was recorded before.
func (w *overwriter) addToPods(e backend.Ended, number, before uint64) error {
	if w.pods == nil || e.Pod == (backend.Pod{}) {
		return nil
	}
	key := format.PodKey(e.Pod)
	numbers, err := w.podNumbers(key)
	if err != nil {
		return err
	}
	if i := slices.Index(numbers, before); i >= 0 {
		numbers = slices.Delete(numbers, i, i+1)
	} else if numbers, err = w.without(numbers, e.Addr); err != nil {
		return err
	}
	numbers = slices.Insert(numbers, 0, number)
	return w.put(&w.pods, key, numbers[:min(len(numbers), backend.PodAddrs)].Encode())
}

// without returns the numbers that are not of an address.
func (t *session) without(numbers format.PodNumbers, addr netip.Addr) (others format.PodNumbers, err error) {
	for _, number := range numbers {
		p, err := t.pastNumbered(number)
		if err != nil {
			return nil, err
		}
		if p.Addr != addr {
			others = append(others, number)
		}
	}
	return others, nil
}

// dropPods removes from pods the numbers of a pack.
func (w *overwriter) dropPods(p format.Pack) error {
	for i, past := range p.List {
		if err := w.dropFromPods(past, p.First+uint64(i)); err != nil {
			return err
		}
	}
	return nil
}

// dropForgotten removes from pods the numbers that are forgotten in a pack, and were not before.
func (w *overwriter) dropForgotten(before, now format.Pack) error {
	for i, past := range before.List {
		if past.IsForgotten() || !now.List[i].IsForgotten() {
			continue
		}
		if err := w.dropFromPods(past, now.First+uint64(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *overwriter) dropFromPods(past format.Past, number uint64) error {
	pod := past.Pod()
	if w.pods == nil || pod == (backend.Pod{}) {
		return nil
	}
	key := format.PodKey(pod)
	numbers, err := w.podNumbers(key)
	if err != nil {
		return err
	}
	i := slices.Index(numbers, number)
	if i < 0 {
		return nil
	}
	return w.put(&w.pods, key, slices.Delete(numbers, i, i+1).Encode())
}

// pastNumbered returns the ended lease with a number, which the history has to have.
func (t *session) pastNumbered(number uint64) (format.Past, error) {
	pack, err := t.packWith(number)
	if err != nil {
		return format.Past{}, err
	}
	p, ok := pack.At(number)
	if !ok {
		return p, t.store.damaged(fmt.Sprintf("pods names number %d of the history, which it lacks", number))
	}
	return p, nil
}
