package allocator

import (
	"errors"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Preference says which of the free addresses an Allocate leases.
type Preference int

const (
	// PreferNext leases the next address in turn.
	PreferNext Preference = iota

	// PreferPod leases, of each set, the address that the same interface of the same pod had
	// last, as far as the history of the store goes, and the next address in turn if it is not
	// free. An address that cools counts as free if that pod has released it: what the network still
	// sends there is meant for the pod. With [Cooldown.Strict] it has to have cooled.
	//
	// No address is kept for a pod while the pod is away: others get it in their turn.
	PreferPod
)

// preferred returns the address of the set that the attachment is to have if it is not requested; zero
// if any will do.
func (g *grant) preferred(s Set) (netip.Addr, error) {
	store, ok := g.tx.(backend.HistoryReadTx)
	if !ok || g.Prefer != PreferPod || g.lease.Pod == (backend.Pod{}) {
		return netip.Addr{}, nil
	}
	for e, err := range store.HistoryOfPod(g.lease.Pod) {
		if err != nil {
			return netip.Addr{}, err
		}
		if e.Owner.IfName != g.lease.Owner.IfName || !s.leasable(e.Addr) || g.History.IsExpired(e, g.lease.Since) {
			continue
		}
		switch free, err := g.isFreeAgain(e, store); {
		case err != nil:
			return netip.Addr{}, err
		case free:
			return e.Addr, nil
		}
	}
	return netip.Addr{}, nil
}

// isFreeAgain reports whether the address of an ended lease of the pod can be leased to the pod.
func (g *grant) isFreeAgain(e backend.Ended, store backend.HistoryReadTx) (bool, error) {
	_, err := g.tx.NextFree(e.Addr, e.Addr)
	if !errors.Is(err, backend.ErrNoneFree) {
		return err == nil, err
	}
	since, err := coolingSince(g.tx, e.Addr)
	if err != nil || since.IsZero() || g.Cooldown.Strict && g.Cooldown.isWarm(since, g.lease.Since) {
		return false, err
	}
	if held, err := holds(g.tx); err != nil || !held(e.Addr) {
		return false, err
	}
	for last, err := range store.HistoryOf(e.Addr) {
		return err == nil && last.Pod == e.Pod, err
	}
	return false, nil
}

// coolingSince returns when a cooling address was released; zero if it is not cooling.
func coolingSince(tx backend.ReadTx, addr netip.Addr) (since time.Time, err error) {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok {
		return since, nil
	}
	for one, err := range store.CoolingFrom(addr) {
		if err == nil && one.Addr == addr {
			since = one.Since
		}
		return since, err
	}
	return since, nil
}

// indexPods lets the store find the leases of pods, if it has to.
func (a *Allocator) indexPods(tx backend.Tx) error {
	store, ok := tx.(backend.HistoryTx)
	if !ok || a.opts.Prefer != PreferPod {
		return nil
	}
	return unlessFull(store.IndexPods())
}
