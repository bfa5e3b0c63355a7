package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// maxReported is how many disputes the engine keeps of a host: they are for people, who resolve the
// first ones first.
const maxReported = 16

// recover reports what this host holds to an engine that has forgotten some of it, and returns
// [ErrHalted]: nothing else can be done until the space is recovered.
//
// Only a host that was attested in this boot reports. The engine may have forgotten that another
// one was evicted while it was switched off.
func (m *Member) recover(ctx context.Context, local backend.Membership, v view) error {
	known := v.host.Revision != 0 && v.record.incarnation() == local.Incarnation
	reported, recorded := known && v.record.Reported == v.halt.Recovery, local.Seen.Recovery == v.halt.Recovery
	switch {
	case known && v.record.Evicted, !known && !isEntering(local) && local.Attested != m.opts.Boot:
		return m.stop(ctx, local, v.notMember(local))
	case known && v.record.Sequence > local.Sequence+1: // One more is a request that was interrupted.
		return m.stop(ctx, local, stoppedClone)
	case reported && v.record.Sequence == local.Sequence && !m.lacksReport(local, v):
		return fmt.Errorf("%w; %w", halted(*v.halt), ErrReported)
	case reported && v.record.Sequence != local.Sequence && !recorded: // If it is, the servers were set back into the recovery.
		return m.stop(ctx, local, stoppedClone)
	case !known && local.Intent.Action == joining:
		return fmt.Errorf("%w; it is being recovered, and this host can join when that is done", halted(*v.halt))
	case local.Intent.Action != adopting && (local.Attested != m.opts.Boot || local.Machine != m.opts.Machine):
		return fmt.Errorf("%w; it is being recovered, and this host was booted, restored or copied since its addresses were "+
			"confirmed: evict it; if its containers run, let it rejoin before the recovery is ended", halted(*v.halt))
	case !known:
		if err := m.checkName(ctx, local, v); err != nil {
			return err
		}
	}
	if err := m.report(ctx, local, v); err != nil {
		return errors.Join(halted(*v.halt), err)
	}
	return errChanged
}

// lacksReport reports whether the store does not have what its host has reported, although it was not booted since:
// the host was killed in between, or the store was put back. It may then hold a block that the report has
// left out, and reports again.
func (m *Member) lacksReport(local backend.Membership, v view) bool {
	return local.Seen.Recovery != v.halt.Recovery && local.Attested == m.opts.Boot && local.Machine == m.opts.Machine
}

// report has the engine know of the blocks in the store, and of no others, whatever it knows now. It
// returns [ErrDisputed] if another host holds one of them and there are leases in it.
//
// Each step can be done again: a block is put only if it is free.
func (m *Member) report(ctx context.Context, local backend.Membership, v view) error {
	if local.Intent.Action == adopting && (local.Intent.Boot == "" || local.Machine != m.opts.Machine) {
		return m.stop(ctx, local, stoppedEntering)
	}
	local, blocks, err := m.dropUnused(ctx, local)
	if err != nil {
		return err
	}
	if err := v.config.checkBlocks(blocks); err != nil {
		return err
	}
	h := holding{
		engine: m.engine, keys: m.keys(local), newMark: m.opts.NewMark, name: local.Host, host: v.host, halting: v.halting,
		record: HostRecord{
			V: Version, Incarnation: local.Incarnation.String(), Sequence: local.Sequence, Boot: m.opts.Boot, Machine: local.Machine,
			Address: m.opts.Address, Ranges: m.opts.Ranges, Program: m.opts.Program,
		},
	}
	_, taken, err := h.become(ctx, blocks)
	if err != nil {
		return err
	}
	if h.record.Disputes, err = m.yield(ctx, local, taken); err != nil {
		return err
	}
	if v.halt != nil && len(h.record.Disputes) == 0 {
		h.record.Reported = v.halt.Recovery
	}
	out, err := h.commit(ctx)
	if err != nil {
		return err
	}
	if len(h.record.Disputes) > 0 {
		return fmt.Errorf("%w: %s", ErrDisputed, strings.Join(h.record.Disputes, "; "))
	}
	v.revision = out.Revision
	if v.origin, err = m.engine.Origin(ctx); err != nil {
		return err
	}
	if v.halt == nil && !v.isWhole(local) {
		return m.halt(ctx, local, v, "the servers were restored from a backup while this host made a request")
	}
	recovery := v.config.Recovery
	if v.halt != nil {
		recovery = v.halt.Recovery // for which this host reports
	}
	return m.update(ctx, local, func(tx backend.SharedTx, next *backend.Membership) error {
		now, err := backend.Blocks(tx)
		if err != nil {
			return err
		}
		if len(now) != len(blocks)-len(taken) {
			return errChanged // Leases have ended, and another process of this host has removed their block.
		}
		for _, b := range now {
			b.State = backend.Open
			err = errors.Join(err, tx.PutBlock(b))
		}
		if local.Intent.Action == adopting && v.halt == nil {
			// Before the recovery has ended, another host may have leases in the same blocks, which it cannot report.
			next.Attested, next.Intent = local.Intent.Boot, backend.Intent{}
		}
		next.Seen = m.sighting(v, recovery)
		return err
	})
}

// dropUnused ends requests that were under way when the engine lost data, and removes all blocks
// from which nothing may be leased and nothing is. It returns what is left.
func (m *Member) dropUnused(ctx context.Context, local backend.Membership) (next backend.Membership, left []backend.Block, err error) {
	err = m.update(ctx, local, func(tx backend.SharedTx, n *backend.Membership) error {
		left = nil
		all, err := backend.Blocks(tx)
		if err != nil {
			return err
		}
		for _, b := range all {
			if b.State != backend.Open {
				err := tx.DeleteBlock(b.First)
				if err == nil {
					continue
				}
				if !errors.Is(err, backend.ErrLeased) {
					return err
				}
			}
			left = append(left, b)
		}
		if n.Intent.Action != adopting {
			n.Intent = backend.Intent{}
		}
		next = *n
		return nil
	})
	return next, left, err
}

// yield removes blocks that other hosts hold from the store. A block with leases stays; yield returns
// a text for each.
func (m *Member) yield(ctx context.Context, local backend.Membership, taken []takenBlock) (disputes []string, err error) {
	if len(taken) == 0 {
		return nil, nil
	}
	err = m.update(ctx, local, func(tx backend.SharedTx, _ *backend.Membership) error {
		disputes = nil
		for _, b := range taken {
			b.State = backend.Closing
			if err := tx.PutBlock(b.Block); err != nil {
				return err
			}
			err := tx.DeleteBlock(b.First)
			if errors.Is(err, backend.ErrLeased) {
				if len(disputes) < maxReported {
					disputes = append(disputes, fmt.Sprintf("block %s is held by host %s, and there are leases in it", b, b.by))
				}
				err = nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return disputes, err
}
