package memory

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// History implements [backend.HistoryReadTx].
func (r *readTx) History() iter.Seq2[backend.Ended, error] {
	return r.yield(func() iter.Seq2[int, backend.Ended] { return slices.All(r.data.history) })
}

// HistoryBackward implements [backend.HistoryReadTx].
func (r *readTx) HistoryBackward() iter.Seq2[backend.Ended, error] {
	return r.yield(func() iter.Seq2[int, backend.Ended] { return slices.Backward(r.data.history) })
}

// HistoryOf implements [backend.HistoryReadTx]. It reads the whole history.
func (r *readTx) HistoryOf(addr netip.Addr) iter.Seq2[backend.Ended, error] {
	return func(yield func(backend.Ended, error) bool) {
		if err := storekit.CheckAddr(addr); err != nil {
			yield(backend.Ended{}, err)
			return
		}
		for e, err := range r.HistoryBackward() {
			if (err != nil || e.Addr == addr) && !yield(e, err) {
				return
			}
		}
	}
}

// HistoryOfPod implements [backend.HistoryReadTx]. It reads the whole history.
func (r *readTx) HistoryOfPod(pod backend.Pod) iter.Seq2[backend.Ended, error] {
	return func(yield func(backend.Ended, error) bool) {
		seen := make(map[netip.Addr]bool)
		for e, err := range r.HistoryBackward() {
			if err == nil && (!r.data.podsIndexed || pod == backend.Pod{} || e.Pod != pod || seen[e.Addr]) {
				continue
			}
			seen[e.Addr] = true
			if !yield(e, err) || len(seen) == backend.PodAddrs {
				return
			}
		}
	}
}

func (r *readTx) yield(all func() iter.Seq2[int, backend.Ended]) iter.Seq2[backend.Ended, error] {
	return func(yield func(backend.Ended, error) bool) {
		if err := r.usable(); err != nil {
			yield(backend.Ended{}, err)
			return
		}
		for _, e := range all() {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// HistoryLen implements [backend.HistoryReadTx].
func (r *readTx) HistoryLen() (int, error) {
	if err := r.usable(); err != nil {
		return 0, err
	}
	return len(r.data.history), nil
}

// Counts implements [backend.HistoryReadTx].
func (r *readTx) Counts() (backend.Counts, error) {
	if err := r.usable(); err != nil {
		return backend.Counts{}, err
	}
	return r.data.counts, nil
}

// Policy implements [backend.HistoryReadTx].
func (r *readTx) Policy() (string, error) {
	if err := r.usable(); err != nil {
		return "", err
	}
	return r.data.policy, nil
}

// Record implements [backend.HistoryTx].
func (t *tx) Record(e backend.Ended) error {
	if err := cmp.Or(t.usable(), storekit.CheckEnded(e)); err != nil {
		return err
	}
	e.Boot, e.Netns = "", ""
	e.Since, e.Until = wholeSeconds(e.Since), wholeSeconds(e.Until)
	t.setHistory(append(t.data.history, e)) // Earlier slices end before it.
	return nil
}

func wholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Unix(t.Unix(), 0).UTC()
}

// DropOldest implements [backend.HistoryTx].
func (t *tx) DropOldest(n int) error {
	if err := t.usable(); err != nil {
		return err
	}
	t.setHistory(t.data.history[min(n, len(t.data.history)):])
	return nil
}

// Forget implements [backend.HistoryTx].
func (t *tx) Forget(match func(backend.Ended) bool) (n int, err error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	history := slices.Clone(t.data.history)
	for i, e := range history {
		if !e.Forgotten() && match(e) {
			history[i] = backend.Ended{Lease: backend.Lease{Addr: e.Addr}}
			n++
		}
	}
	t.setHistory(history)
	return n, nil
}

func (t *tx) setHistory(history []backend.Ended) {
	old := t.data.history
	t.data.history = history
	t.undo = append(t.undo, func() { t.data.history = old })
}

// Count implements [backend.HistoryTx].
func (t *tx) Count(more backend.Counts) error {
	if err := t.usable(); err != nil {
		return err
	}
	old := t.data.counts
	t.data.counts = old.Plus(more)
	t.undo = append(t.undo, func() { t.data.counts = old })
	return nil
}

// IndexPods implements [backend.HistoryTx]. Without an index to make, it lets HistoryOfPod find all.
func (t *tx) IndexPods() error {
	if err := t.usable(); err != nil {
		return err
	}
	old := t.data.podsIndexed
	t.data.podsIndexed = true
	t.undo = append(t.undo, func() { t.data.podsIndexed = old })
	return nil
}

// SetPolicy implements [backend.HistoryTx].
func (t *tx) SetPolicy(text string) error {
	if err := cmp.Or(t.usable(), storekit.CheckBoot(text)); err != nil {
		return err
	}
	old := t.data.policy
	t.data.policy = text
	t.undo = append(t.undo, func() { t.data.policy = old })
	return nil
}
