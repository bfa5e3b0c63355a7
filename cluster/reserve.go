package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// A Reservation is what [Admin.Reserve] has done.
type Reservation struct {
	Blocks int // that are held for the owner now
	Freed  int // blocks that were, and are not any more

	// Taken are addresses whose block a host holds, which may lease them, too; Outside those that are
	// not in the ranges of the space.
	Taken   []TakenAddr
	Outside []netip.Addr
}

// A TakenAddr is an address that cannot be reserved.
type TakenAddr struct {
	Addr netip.Addr
	Host string // holds the block
}

// Reserve holds the blocks of the given addresses for an owner that is no host: other software gave
// the addresses to containers. It frees the blocks that it held for the owner before, if none of the
// addresses is in them. So callers repeat it with the addresses that are left, until there are none.
//
// A block that a host holds stays with the host; Reserve reserves all others, and names the addresses
// in it. The owner's name is the name of no host. If the space is being recovered, Reserve reports for
// the owner.
func (a *Admin) Reserve(ctx context.Context, space, owner string, addrs []netip.Addr) (r Reservation, err error) {
	if err := ValidateName(owner); err != nil {
		return r, err
	}
	for range maxAttempts {
		if r, err = a.reserve(ctx, space, owner, addrs); !errors.Is(err, errChanged) {
			return r, err
		}
	}
	return r, fmt.Errorf("%w: the record of %s", ErrConflict, owner)
}

func (a *Admin) reserve(ctx context.Context, space, owner string, addrs []netip.Addr) (r Reservation, err error) {
	s, err := a.state(ctx, space)
	if err != nil {
		return r, err
	}
	before, err := a.engine.Origin(ctx)
	switch {
	case err != nil:
		return r, err
	case s.halt != nil && !s.halt.isRecovering(before):
		return r, halted(*s.halt)
	case s.halt == nil && !s.config.accepts(before):
		return r, a.halt(ctx, s, owner)
	}
	h := holding{
		engine: a.engine, keys: keysOf(a.prefix, space), newMark: randomMark, name: owner, halting: s.halting,
		record: HostRecord{V: Version, Incarnation: randomMark().String(), Foreign: true},
	}
	out, err := a.engine.Commit(ctx, Txn{Then: []Op{Get(h.keys.host(owner))}})
	if err != nil {
		return r, err
	}
	if h.host = out.Results[0].Entry; h.host.Revision != 0 {
		h.record = HostRecord{}
		if err := decode(h.host, &h.record, &h.record.V); err != nil {
			return r, err
		}
		switch {
		case h.record.Evicted:
			if err := checkFreed(ctx, a.engine, h.keys, owner, h.record); err != nil {
				return r, err
			}
			h.record = HostRecord{V: Version, Incarnation: randomMark().String(), Foreign: true}
		case !h.record.Foreign:
			return r, fmt.Errorf("%w: %s", ErrNameTaken, owner)
		default:
			h.record.Sequence++
		}
	}
	h.record.Reported, h.record.Disputes = "", nil
	blocks, of := s.config.blocksOf(addrs, &r)
	removed, taken, err := h.become(ctx, blocks)
	if err != nil {
		return r, err
	}
	r.Blocks, r.Freed = len(blocks)-len(taken), removed
	for _, b := range taken {
		for _, addr := range of[b.First] {
			r.Taken = append(r.Taken, TakenAddr{addr, b.by})
		}
	}
	if s.halt != nil {
		h.record.Reported = s.halt.Recovery // An address that is taken is twice in use already.
	}
	if _, err := h.commit(ctx); err != nil {
		return r, err
	}
	origin, err := a.engine.Origin(ctx)
	if err == nil && s.halt == nil && !s.config.accepts(origin) {
		err = a.halt(ctx, s, owner)
	}
	return r, err
}

// halt halts a space whose servers have lost something.
func (a *Admin) halt(ctx context.Context, s state, by string) error {
	h := HaltRecord{V: Version, By: by, Text: restoredText}
	_, err := a.engine.Commit(ctx, Txn{
		If: []Condition{At(s.halting), At(s.configure)}, Then: []Op{Put(s.halting.Key, encode(h))},
	})
	return errors.Join(halted(h), err)
}

// blocksOf returns the blocks of addrs, ascending, and which of addrs are in each.
func (c Config) blocksOf(addrs []netip.Addr, r *Reservation) (blocks []backend.Block, of map[netip.Addr][]netip.Addr) {
	of = make(map[netip.Addr][]netip.Addr)
	addrs = slices.Clone(addrs)
	slices.SortFunc(addrs, netip.Addr.Compare)
	for _, addr := range slices.Compact(addrs) {
		span, err := c.BlockOf(addr)
		if err != nil || !c.contains(addr) {
			r.Outside = append(r.Outside, addr)
			continue
		}
		if of[span.First] == nil {
			blocks = append(blocks, backend.Block{First: span.First, Last: span.Last, State: backend.Open})
		}
		of[span.First] = append(of[span.First], addr)
	}
	return blocks, of
}
