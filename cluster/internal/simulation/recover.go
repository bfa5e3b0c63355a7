package simulation

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// recover has an operator go on with the recovery of a space that is halted: hosts whose machines
// cannot report are switched off and evicted, and when all others have reported, it ends.
func (w *world) recover() {
	w.start(nil, func(p *process) {
		a := cluster.NewAdmin(engine{p}, prefix)
		halt, err := a.Halted(w.ctx, space)
		switch {
		case err != nil || halt == nil:
			return
		case halt.Recovery == 0:
			_ = a.Recover(w.ctx, space) // It is begun again.
			return
		}
		hosts, err := a.Hosts(w.ctx, space)
		if err != nil {
			return
		}
		w.evictSilent(a, hosts, halt.Recovery, 6)
		restores := w.counts.Restores
		if w.allReported(hosts, halt.Recovery) && a.Recovered(w.ctx, space) == nil && w.counts.Restores == restores {
			w.counts.Recoveries++
			w.restored, w.fenced = false, true // Hosts that the engine has forgotten, and that were booted since, are stopped.
		}
	})
}

// evictSilent evicts hosts that have not reported, and are off: one in n is switched off for that.
func (w *world) evictSilent(a *cluster.Admin, hosts []cluster.Host, recovery uint64, n int) {
	for _, h := range hosts {
		if h.Evicted || h.Reported == recovery {
			continue
		}
		on := slices.IndexFunc(w.machines, func(m *machine) bool { return m.id == h.Machine && m.on })
		if on >= 0 && w.IntN(n) == 0 {
			w.switchOff(w.machines[on])
			on = -1
		}
		if on < 0 {
			w.fenced = true
			w.counts.Evictions++
			_, _ = a.Evict(w.ctx, space, h) // It can be interrupted and continued.
		}
	}
}

// recoverAtRest recovers the space while nothing else happens.
func (w *world) recoverAtRest(a *cluster.Admin) error {
	if err := a.Recover(w.ctx, space); err != nil {
		return err
	}
	halt, err := a.Halted(w.ctx, space)
	if err != nil {
		return err
	}
	// Each report, and each eviction, can resolve a dispute of another host.
	for range w.machines {
		for _, m := range w.machines {
			if m.on && !membership(m.store).IsZero() {
				// The space is halted, and hosts that were set back are stopped.
				_ = cluster.NewMember(m.store, w.engine, w.options(m)).Audit(w.ctx)
			}
		}
		hosts, err := a.Hosts(w.ctx, space)
		if err != nil {
			return err
		}
		w.evictSilent(a, hosts, halt.Recovery, 3)
	}
	hosts, err := a.Hosts(w.ctx, space)
	if err != nil {
		return err
	}
	w.evictSilent(a, hosts, halt.Recovery, 1)
	for _, m := range w.machines {
		if m.on && !membership(m.store).IsZero() {
			_ = cluster.NewMember(m.store, w.engine, w.options(m)).Audit(w.ctx) // Likewise.
		}
	}
	if err := a.Recovered(w.ctx, space); err != nil {
		return fmt.Errorf("the space cannot be recovered: %w", err)
	}
	w.counts.Recoveries++
	w.restored, w.fenced = false, true // Hosts that the engine has forgotten, and that were booted since, are stopped.
	return nil
}

// allReported reports whether all machines have reported that can lease: an operator knows them, the
// engine may not.
func (w *world) allReported(hosts []cluster.Host, recovery uint64) bool {
	return !slices.ContainsFunc(w.machines, func(m *machine) bool {
		of := membership(m.store)
		return m.on && of.Attested == m.boot && of.Stopped == "" && !slices.ContainsFunc(hosts, func(h cluster.Host) bool {
			return h.Incarnation == of.Incarnation.String() && (h.Evicted || h.Reported == recovery)
		})
	})
}

// leaseSome leases addresses in a store that is no member, to containers that are gone.
func (w *world) leaseSome(m *machine) {
	must(m.store.Update(w.ctx, func(tx backend.Tx) error {
		addr := netip.MustParseAddr(first)
		for range w.IntN(4) {
			for range 1 + w.IntN(4) {
				addr = addr.Next()
			}
			if addr.Compare(netip.MustParseAddr(last)) > 0 {
				break
			}
			if err := tx.Put(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: "gone", IfName: "eth0"}}); err != nil {
				return err
			}
		}
		return nil
	}))
}
