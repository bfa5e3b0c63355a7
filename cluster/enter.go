package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// Adopt makes a store with leases a member of a space, under a name that no other host of the space
// has: it gets the blocks in which it has leases. Until Adopt has succeeded nothing more can be leased.
//
// It returns [ErrDisputed], and leaves the store as it was, if another host holds one of the blocks. In a recovery
// the host gets the other blocks, and has to be called again, or evicted, before the recovery can end.
// If Adopt fails for a reason that can pass, calling it again with the same names continues.
func (m *Member) Adopt(ctx context.Context, cluster, space, host string) error {
	if err := errors.Join(ValidateName(space), ValidateName(host)); err != nil {
		return err
	}
	local, err := m.recorded(ctx)
	if err != nil && !errors.Is(err, ErrNotMember) {
		return err
	}
	names := backend.Membership{Cluster: cluster, Space: space, Host: host}
	if !local.IsZero() {
		same := local.Cluster == cluster && local.Space == space
		if same && local.Host != host && local.Stopped == "" && local.Intent.Action == adopting {
			return m.continueAs(ctx, local, host)
		}
		if !same || local.Host != host {
			return fmt.Errorf("the store is host %s of space %s already", local.Host, local.Space)
		}
		return m.entered(ctx) // It was begun before, or is done.
	}
	return m.enter(ctx, local, names)
}

// Rejoin makes a host that is stopped a member again, with the leases that it has, if no other host
// holds their blocks by now. It is for a host that was evicted although its containers run, for
// one whose store is on another machine for good, which is to be evicted before, and for one whose space was
// made again ([ErrOtherSpace]).
//
// It returns [ErrDisputed] if another host holds one of the blocks, as [Member.Adopt] does, and [ErrNameTaken] if
// the name is in use; the store is then as before. [Member.Forget] is the other way back, without leases.
func (m *Member) Rejoin(ctx context.Context) error { return m.RejoinAs(ctx, "") }

// RejoinAs is Rejoin under another name than before, unless it is empty: a copy of a machine has the
// name of the original in its store.
func (m *Member) RejoinAs(ctx context.Context, host string) error {
	local, err := m.recorded(ctx)
	if err != nil {
		return err
	}
	host = cmp.Or(host, local.Host)
	switch err := ValidateName(host); {
	case err != nil:
		return err
	case local.Intent.Action == adopting && local.Stopped == "":
		return m.continueAs(ctx, local, host)
	case local.Stopped == "":
		if _, err := m.look(ctx, local); !errors.Is(err, ErrOtherSpace) {
			return errors.Join(err, fmt.Errorf("%w: it is host %s of space %s", ErrNotStopped, local.Host, local.Space))
		}
	}
	return m.enter(ctx, local, backend.Membership{Cluster: local.Cluster, Space: local.Space, Host: host})
}

// Replace makes a store a member that is not one, or is stopped, in the place of another one with which this machine is
// the host of that name: the other one is gone, or is a later state of this one, as after an import, and the
// containers that were made with it are gone. The blocks in which this store has leases are at no time free; the
// others of the host are free afterwards. In a recovery, the host is to be evicted and rejoins instead.
//
// If there is no such host on this machine, Replace is Adopt or RejoinAs.
func (m *Member) Replace(ctx context.Context, cluster, space, host string) error {
	names := backend.Membership{Cluster: cluster, Space: space, Host: host}
	if err := errors.Join(ValidateName(space), ValidateName(host)); err != nil {
		return err
	}
	local, err := m.recorded(ctx)
	if err != nil && !errors.Is(err, ErrNotMember) {
		return err
	}
	otherwise := func() error { return m.RejoinAs(ctx, host) }
	if local.IsZero() {
		otherwise = func() error { return m.Adopt(ctx, cluster, space, host) }
	} else if local.Stopped == "" {
		return otherwise() // It was begun before, or there is nothing to do.
	}
	v, err := m.look(ctx, names)
	switch own := v.record.Machine != "" && v.record.Machine == m.opts.Machine; {
	case err != nil:
		return err
	case v.host.Revision == 0 || v.record.Evicted || !own:
		return otherwise()
	case v.halt != nil && v.halt.Recovery != 0:
		return fmt.Errorf("%w; it is being recovered: evict this host, and let it rejoin before the recovery is ended", halted(*v.halt))
	case v.halt != nil:
		return halted(*v.halt)
	}
	names.Incarnation, names.Sequence = v.record.incarnation(), v.record.Sequence
	if err := m.enterAs(ctx, local, names, v); err != nil {
		return err
	}
	// From now on the other store is behind, and is stopped if it is in use after all.
	if local, v, err = m.resolve(ctx); err == nil {
		_, _, err = m.decide(ctx, local, v, attesting, noBlocks)
	}
	return err
}

// continueAs ends what enter has begun under the name in local. If another host has that by now, and so
// nothing was done, it begins again under the given one.
func (m *Member) continueAs(ctx context.Context, local backend.Membership, host string) error {
	err := m.entered(ctx)
	if errors.Is(err, ErrNameTaken) && local.Host != host {
		return m.enter(ctx, local, backend.Membership{Cluster: local.Cluster, Space: local.Space, Host: host})
	}
	return err
}

// enter replaces the membership before by a new one with the names, and gets the blocks in which
// there are leases.
func (m *Member) enter(ctx context.Context, before, names backend.Membership) error {
	names.Incarnation = m.opts.NewMark()
	v, err := m.look(ctx, names)
	switch {
	case err != nil:
		return err
	case v.halt != nil && v.halt.Recovery == 0:
		return halted(*v.halt)
	}
	if err := m.checkName(ctx, names, v); err != nil {
		return err
	}
	return m.enterAs(ctx, before, names, v)
}

// enterAs is enter with an incarnation.
func (m *Member) enterAs(ctx context.Context, before, names backend.Membership, v view) error {
	names.Machine = m.opts.Machine
	names.Intent = backend.Intent{Action: adopting, Mark: m.opts.NewMark(), Boot: m.opts.Boot}
	var blocks []backend.Block
	err := m.store.View(ctx, func(tx backend.ReadTx) (err error) {
		blocks, err = leasedBlocks(tx, v.config)
		return err
	})
	if err != nil && v.halt != nil {
		err = fmt.Errorf("%w; do not end the recovery before: the servers do not know of this host, and others would get its addresses", err)
	}
	if err == nil && v.halt == nil {
		err = m.checkFree(ctx, names, blocks) // In a recovery, the servers are to know of this host all the same.
	}
	if err != nil {
		return err
	}
	err = m.store.Update(ctx, func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		if now, err := tx.Membership(); err != nil || now != before {
			return errors.Join(err, fmt.Errorf("%w: the membership of the store", ErrConflict))
		}
		return begin(shared, names, v.config)
	})
	if err != nil {
		return err
	}
	return m.entered(ctx)
}

// entered ends what enter has begun.
func (m *Member) entered(ctx context.Context) error {
	_, _, err := m.resolve(ctx)
	if errors.Is(err, ErrReported) {
		return nil
	}
	return err
}

// begin records the membership, and that all blocks with leases are to be asked for.
func begin(tx backend.SharedTx, names backend.Membership, c Config) error {
	old, err := backend.Blocks(tx)
	if err != nil {
		return err
	}
	leased, err := leasedBlocks(tx, c)
	if err != nil {
		return err
	}
	for _, b := range old {
		b.State = backend.Requested // It can be removed although there are leases in it.
		if err := errors.Join(tx.PutBlock(b), tx.DeleteBlock(b.First)); err != nil {
			return err
		}
	}
	if err := tx.SetMembership(names); err != nil {
		return err
	}
	for _, b := range leased {
		if err := tx.PutBlock(b); err != nil {
			return err
		}
	}
	return nil
}

// leasedBlocks returns the blocks of the space in which there are leases, closing.
func leasedBlocks(tx backend.ReadTx, c Config) (blocks []backend.Block, err error) {
	for l, err := range tx.Leases(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		if n := len(blocks); n > 0 && blocks[n-1].Contains(l.Addr) {
			continue
		}
		if !c.contains(l.Addr) {
			return nil, fmt.Errorf("%s is leased to %s and not an address of the space, whose ranges are %v: release it first, "+
				"or make the space again with ranges that have it", l.Addr, l.Owner.ContainerID, c.Ranges)
		}
		span, err := c.BlockOf(l.Addr)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, backend.Block{First: span.First, Last: span.Last, State: backend.Closing})
	}
	return blocks, nil
}

// checkFree returns ErrDisputed if another host holds one of the blocks.
func (m *Member) checkFree(ctx context.Context, local backend.Membership, blocks []backend.Block) error {
	k := m.keys(local)
	var held []string
	for len(blocks) > 0 {
		n := min(len(blocks), MaxOps)
		t := Txn{}
		for _, b := range blocks[:n] {
			t.Then = append(t.Then, Get(k.block(b.First)))
		}
		out, err := m.engine.Commit(ctx, t)
		if err != nil {
			return err
		}
		for i, result := range out.Results {
			if result.Entry.Revision == 0 {
				continue
			}
			var by BlockRecord
			if err := decode(result.Entry, &by, &by.V); err != nil {
				return err
			}
			if by.Host == local.Host && by.Incarnation == local.Incarnation.String() {
				continue
			}
			held = append(held, fmt.Sprintf("block %s is held by host %s, and there are leases in it", blocks[i], by.Host))
		}
		blocks = blocks[n:]
	}
	if len(held) > 0 {
		return fmt.Errorf("%w: %s", ErrDisputed, strings.Join(held, "; "))
	}
	return nil
}
