package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// Join makes the store a member of a space, under a name that no other host of the space has. The
// store must have no leases: other hosts could hold their addresses. A host that was evicted can
// be replaced by another of its name.
//
// If Join fails for a reason that can pass, calling it again with the same names continues; after
// [ErrNameTaken] and [ErrNoSpace] the store is as before.
func (m *Member) Join(ctx context.Context, cluster, space, host string) error {
	if err := errors.Join(ValidateName(space), ValidateName(host)); err != nil {
		return err
	}
	local, err := m.beginJoin(ctx, cluster, space, host)
	if err != nil {
		return err
	}
	_, _, err = m.resolve(ctx)
	if errors.Is(err, ErrNameTaken) || errors.Is(err, ErrNoSpace) {
		// If a copy of the request arrives all the same, there is a host without blocks, which
		// can be evicted.
		leave := func(_ backend.SharedTx, next *backend.Membership) error {
			*next = backend.Membership{}
			return nil
		}
		if leaveErr := m.update(ctx, local, leave); !errors.Is(leaveErr, errChanged) {
			err = errors.Join(err, leaveErr)
		}
	}
	return err
}

// IsJoining reports whether a host has begun to join a space, and it is not known whether that is done. Calling
// [Member.Join] continues, or with another name begins again: under the old one there can be a host without blocks
// then, which can be evicted.
func IsJoining(local backend.Membership) bool { return local.Intent.Action == joining }

// beginJoin records the membership and the intent to join.
func (m *Member) beginJoin(ctx context.Context, cluster, space, host string) (local backend.Membership, err error) {
	err = m.store.Update(ctx, func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		if local, err = tx.Membership(); err != nil {
			return err
		}
		if local.Cluster == cluster && local.Space == space && local.Host == host {
			return nil // It was begun before, or is done.
		}
		if !local.IsZero() && !(IsJoining(local) && local.Stopped == "") { // A host that is joining has no blocks.
			return fmt.Errorf("the store is host %s of space %s already", local.Host, local.Space)
		}
		for l, err := range tx.Leases(netip.Addr{}) {
			if err == nil {
				err = fmt.Errorf("%w: %s", ErrInUse, l.Addr)
			}
			return err
		}
		local = backend.Membership{
			Cluster: cluster, Space: space, Host: host, Incarnation: m.opts.NewMark(), Machine: m.opts.Machine,
			Intent: backend.Intent{Action: joining, Mark: m.opts.NewMark(), Boot: m.opts.Boot},
		}
		return shared.SetMembership(local)
	})
	return local, err
}

// Forget ends the membership of a host that is stopped, so that it can join again. Nothing may be
// leased: the containers of an evicted host, or of a copy, have addresses that other hosts may give
// to theirs. The engine does not learn of it: a host that still has blocks there is to be evicted.
func (m *Member) Forget(ctx context.Context) error {
	return m.store.Update(ctx, func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		local, err := tx.Membership()
		switch {
		case err != nil:
			return err
		case local.IsZero():
			return ErrNotMember
		case local.Stopped == "":
			return fmt.Errorf("%w: it is host %s of space %s", ErrNotStopped, local.Host, local.Space)
		}
		for l, err := range tx.Leases(netip.Addr{}) {
			if err == nil {
				err = fmt.Errorf("%w: %s; release it when its container is gone", ErrInUse, l.Addr)
			}
			return err
		}
		blocks, err := backend.Blocks(tx)
		for _, b := range blocks {
			err = errors.Join(err, shared.DeleteBlock(b.First))
		}
		return errors.Join(err, shared.SetMembership(backend.Membership{}))
	})
}

// checkName returns an error unless the host can join under its name.
func (m *Member) checkName(ctx context.Context, local backend.Membership, v view) error {
	if v.host.Revision == 0 {
		return nil
	}
	if !v.record.Evicted {
		return &NameError{local.Host, v.record.Machine != "" && v.record.Machine == m.opts.Machine}
	}
	return checkFreed(ctx, m.engine, m.keys(local), local.Host, v.record)
}

// checkFreed returns an error if a host that was evicted still holds blocks. Once its record has another
// incarnation, nothing would lead to them.
func checkFreed(ctx context.Context, e Engine, k keys, host string, record HostRecord) error {
	prefix := k.allOf(host, record.incarnation())
	left, err := e.Range(ctx, prefix, after(prefix), false)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%w: %s", ErrInterrupted, host)
	}
	return err
}

// Attest has the engine confirm, once in each boot, what this host holds: it was not evicted while
// it was switched off, and its store is no copy. Before that nothing can be leased.
func (m *Member) Attest(ctx context.Context) error {
	_, _, err := m.attested(ctx)
	return err
}

// attested is [Member.resolve] of a host that is attested. It is attested once more after a recovery of the
// space for which it has reported, if it was killed before that was in its store.
func (m *Member) attested(ctx context.Context) (backend.Membership, view, error) {
	for range maxAttempts {
		local, v, err := m.resolve(ctx)
		switch {
		case err != nil, local.Attested == m.opts.Boot && local.Seen.Recovery >= v.config.Recovery:
			return local, v, err
		case local.Machine != m.opts.Machine, v.record.Machine != m.opts.Machine:
			err = m.stop(ctx, local, stoppedMachine)
		default:
			err = m.compare(ctx, local, v)
		}
		if err == nil {
			_, _, err = m.decide(ctx, local, v, attesting, noBlocks)
		}
		if err != nil && !errors.Is(err, errChanged) {
			return local, v, err
		}
	}
	return backend.Membership{}, view{}, errBehind()
}

// Audit compares what this host has with what the engine has. A block that the engine does not
// know to be of this host halts the space, because another host can hold it.
func (m *Member) Audit(ctx context.Context) error {
	for range maxAttempts {
		local, v, err := m.attested(ctx)
		if err == nil {
			err = m.compare(ctx, local, v)
		}
		if !errors.Is(err, errChanged) {
			return err
		}
	}
	return errBehind()
}

// compare compares the blocks in the store with the blocks in the engine. No request is under way, so
// they are the same, unless one of the two has lost something.
func (m *Member) compare(ctx context.Context, local backend.Membership, v view) error {
	theirs, err := m.held(ctx, local, v)
	if err != nil {
		return err
	}
	var disputed []string
	err = m.update(ctx, local, func(tx backend.SharedTx, next *backend.Membership) error {
		ours, err := backend.Blocks(tx)
		if err == nil {
			err = v.config.checkBlocks(ours)
		}
		if err != nil {
			return err
		}
		for _, b := range ours {
			switch {
			case theirs[b.First] == backend.Block{}:
				disputed = append(disputed, b.String())
				err = m.giveUp(tx, local, b)
			case b.State != backend.Open:
				b.State = backend.Open // It was disputed before it was reported.
				err = tx.PutBlock(b)
			}
			delete(theirs, b.First)
			if errors.Is(err, backend.ErrLeased) {
				next.Stopped = fmt.Sprintf("block %s may be held by another host, and there are leases in it", b)
				err = nil
			}
			if err != nil {
				return err
			}
		}
		for _, b := range theirs {
			if err := tx.PutBlock(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(disputed) == 0 {
		return err
	}
	if local.Attested == "" { // The store is older than what was given back.
		return errChanged
	}
	return m.halt(ctx, local, v, fmt.Sprintf("the servers do not know that it holds %s", disputed[0]))
}

// giveUp removes a block from the store that other hosts may hold. If the store is trusted, it
// stays for an operator to look at, but nothing is leased from it.
func (m *Member) giveUp(tx backend.SharedTx, local backend.Membership, b backend.Block) error {
	b.State = backend.Closing
	if err := tx.PutBlock(b); err != nil || local.Attested != "" {
		return err
	}
	return tx.DeleteBlock(b.First)
}

// held returns the blocks that the engine knows this host to hold, by their first address.
func (m *Member) held(ctx context.Context, local backend.Membership, v view) (map[netip.Addr]backend.Block, error) {
	all, err := m.listed(ctx, local, v)
	if err != nil {
		return nil, err
	}
	// The blocks of a host change together with its record.
	same, err := m.engine.Commit(ctx, Txn{If: []Condition{At(v.host), Absent(m.keys(local).halt())}})
	if err != nil {
		return nil, err
	}
	if !same.Held {
		return nil, errChanged
	}
	return all, nil
}

// listed is held without making sure that nothing changes meanwhile.
func (m *Member) listed(ctx context.Context, local backend.Membership, v view) (map[netip.Addr]backend.Block, error) {
	prefix := m.keys(local).allOf(local.Host, local.Incarnation)
	entries, err := m.engine.Range(ctx, prefix, after(prefix), false)
	if err != nil {
		return nil, err
	}
	all := make(map[netip.Addr]backend.Block)
	for _, e := range entries {
		first, err := parseAddrText(e.Key[len(prefix):])
		if err != nil {
			return nil, err
		}
		span, err := v.config.BlockOf(first)
		if err != nil {
			return nil, err
		}
		all[first] = backend.Block{First: span.First, Last: span.Last, State: backend.Open}
	}
	return all, nil
}
