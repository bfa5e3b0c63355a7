package simulation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// rest lets everything that is on its way arrive or be lost, and checks what is left.
func (w *world) rest() error {
	for _, p := range w.processes {
		w.kill(p)
	}
	for _, i := range w.Perm(len(w.calls)) {
		if w.IntN(2) == 0 {
			w.calls[i].do()
		}
	}
	admin := cluster.NewAdmin(w.engine, prefix)
	var hosts []cluster.Host
	halt, err := admin.Halted(w.ctx, space)
	switch {
	case err != nil:
		return err
	case halt != nil && w.Recover && w.restored:
		if err := w.recoverAtRest(admin); err != nil {
			return err
		}
	case halt != nil && !w.restored:
		return fmt.Errorf("the space is halted, and the engine has lost nothing: %s: %s", halt.By, halt.Text)
	case halt != nil:
		w.counts.Halts++
		return nil
	}
	if hosts, err = admin.Hosts(w.ctx, space); err != nil {
		return err
	}
	for _, h := range hosts {
		if h.Evicted {
			if _, err := admin.Evict(w.ctx, space, h); err != nil {
				return fmt.Errorf("an eviction cannot be continued: %w", err)
			}
		}
	}
	for _, m := range w.machines {
		if !m.on {
			w.switchOn(m)
		}
		if err := w.restOf(m); err != nil {
			return fmt.Errorf("%s (%s): %w", m.id, m.host, err)
		}
	}
	return w.checkKnown(admin)
}

// restOf ends what a machine has begun.
func (w *world) restOf(m *machine) error {
	before := membership(m.store)
	if before.IsZero() {
		return nil
	}
	_, err := cluster.NewMember(m.store, w.engine, w.options(m)).GiveBack(w.ctx, 1000)
	after := membership(m.store)
	if after.Stopped != "" {
		w.counts.Stops++
		if !w.evicted && !w.fenced && !w.forged && !w.restored {
			return fmt.Errorf("stopped without a reason: %s", after.Stopped)
		}
		return nil
	}
	switch {
	case errors.Is(err, cluster.ErrHalted) && w.restored:
		return nil
	case errors.Is(err, cluster.ErrDisputed) && (w.Leased || w.forged): // A copy of a store has leases, too.
		return nil
	case errors.Is(err, cluster.ErrNameTaken) && (w.evicted || w.fenced || w.forged || w.restored):
		return nil
	}
	if err == nil && after.Intent != (backend.Intent{}) {
		err = fmt.Errorf("the request %s has not ended", after.Intent.Action)
	}
	return err
}

// checkOpen requires that all leases of a machine are in its open blocks, unless it waits for an
// operator or for the end of a lease.
func checkOpen(c content) error {
	if c.membership.IsZero() || c.membership.Stopped != "" || c.membership.Intent.Action != "" {
		return nil
	}
	for _, l := range c.leases {
		if !slices.ContainsFunc(c.blocks, func(b backend.Block) bool { return b.State == backend.Open && b.Contains(l.Addr) }) {
			return fmt.Errorf("%s is leased and in no open block", l.Addr)
		}
	}
	return nil
}

// checkKnown requires that each block which the engine believes to be held is known to a host, and
// that hosts hold no others.
func (w *world) checkKnown(admin *cluster.Admin) error {
	if w.restored {
		return nil // Only recovering the space brings the two together again.
	}
	held, err := admin.Blocks(w.ctx, space)
	if err != nil {
		return err
	}
	theirs := make(map[string]bool)
	for _, b := range held {
		theirs[b.Incarnation+" "+b.First.String()] = true
	}
	ours, stopped := make(map[string]bool), make(map[string]bool)
	for _, m := range w.machines {
		c := contentOf(m.store)
		incarnation := c.membership.Incarnation.String()
		if err := checkOpen(c); err != nil && !w.forged {
			return fmt.Errorf("%s (%s): %w", m.id, m.host, err)
		}
		// A host with a dispute waits for leases to end.
		stopped[incarnation] = stopped[incarnation] || c.membership.Stopped != "" || c.membership.Intent.Action == "adopt"
		for _, b := range c.blocks {
			ours[incarnation+" "+b.First.String()] = true
		}
	}
	const markLen = 32
	for b := range theirs {
		if !ours[b] && !stopped[b[:markLen]] && !w.evicted && !w.forged {
			return fmt.Errorf("no host knows that it holds %s", b)
		}
	}
	for b := range ours {
		if !theirs[b] && !stopped[b[:markLen]] && !w.evicted && !w.forged {
			return fmt.Errorf("the engine does not know that %s is held", b)
		}
	}
	return nil
}

// A content is what a store has.
type content struct {
	membership backend.Membership
	blocks     []backend.Block
	leases     []backend.Lease
}

func contentOf(s backend.Store) (c content) {
	must(s.View(context.Background(), func(tx backend.ReadTx) (err error) {
		if c.membership, err = tx.Membership(); err != nil {
			return err
		}
		if c.blocks, err = backend.Blocks(tx); err != nil {
			return err
		}
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			c.leases = append(c.leases, l)
		}
		return nil
	}))
	return c
}

// writeTo writes c to an empty store.
func (c content) writeTo(s backend.Store) {
	must(s.Update(context.Background(), func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil || c.membership.IsZero() {
			return err
		}
		if err := shared.SetMembership(c.membership); err != nil {
			return err
		}
		for _, b := range c.blocks {
			state := b.State
			b.State = backend.Open
			err := shared.PutBlock(b)
			for _, l := range c.leases {
				if err == nil && b.Contains(l.Addr) {
					err = tx.Put(l)
				}
			}
			b.State = state
			if err = errors.Join(err, shared.PutBlock(b)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func membership(s backend.Store) (m backend.Membership) {
	must(s.View(context.Background(), func(tx backend.ReadTx) (err error) {
		m, err = tx.Membership()
		return err
	}))
	return m
}

// must panics if a store fails, which none does here.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func keysOf[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }
