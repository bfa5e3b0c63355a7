package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

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

	// Unsure means that the space is being recovered, and that the host has not reported the block: it may
	// have given it back in what the engine has lost.
	Unsure bool
}

// Reserve holds the blocks of the given addresses for an owner that is no host: other software gave
// the addresses to containers. It frees the blocks that it held for the owner before, if none of the
// addresses is in them. So callers repeat it with the addresses that are left, until there are none.
//
// A block that another such owner holds is held for both, until both have freed it.
// A block that a host holds stays with the host; Reserve reserves all others, and names the addresses
// in it. The owner's name is the name of no host.
//
// If the space is being recovered, Reserve reports for the owner, unless an address is taken and Unsure. It
// returns [ErrHalted], and names them, while there are hosts that have not said what they hold: it would get
// blocks that are theirs. The recovery waits for the owner from then on.
func (a *Admin) Reserve(ctx context.Context, space, owner string, addrs []netip.Addr) (r Reservation, err error) {
	return a.repeatReserve(ctx, space, owner, addrs, false)
}

// ReserveMore is Reserve for a list of addresses that may lack some: it frees no block, and reports nothing
// in a recovery.
func (a *Admin) ReserveMore(ctx context.Context, space, owner string, addrs []netip.Addr) (r Reservation, err error) {
	return a.repeatReserve(ctx, space, owner, addrs, true)
}

func (a *Admin) repeatReserve(ctx context.Context, space, owner string, addrs []netip.Addr, keepAll bool) (r Reservation, err error) {
	if err := ValidateName(owner); err != nil {
		return r, err
	}
	for range maxAttempts {
		if r, err = a.reserve(ctx, space, owner, addrs, keepAll); !errors.Is(err, errChanged) {
			return r, err
		}
	}
	return r, fmt.Errorf("%w: the record of %s", ErrConflict, owner)
}

func (a *Admin) reserve(ctx context.Context, space, owner string, addrs []netip.Addr, keepAll bool) (r Reservation, err error) {
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
	h.record.Reported, h.record.Disputes = 0, nil
	reported, silent, err := a.reported(ctx, space, s.halt)
	switch {
	case err != nil:
		return r, err
	case len(silent) > 0:
		_, err := h.commit(ctx) // The recovery waits for the owner, of whom the engine may not know.
		return r, errors.Join(err, fmt.Errorf("%w; it is being recovered: reserve addresses when these hosts have reported what they hold, or were evicted: %s",
			halted(*s.halt), strings.Join(silent, ", ")))
	}
	if keepAll {
		// The addresses in them cannot be known to be gone.
		held, err := h.held(ctx)
		if err != nil {
			return r, err
		}
		addrs = slices.Concat(addrs, held)
	}
	blocks, of := s.config.blocksOf(addrs, &r)
	freed, taken, err := h.share(ctx, blocks)
	if err != nil {
		return r, err
	}
	r.Blocks, r.Freed = len(blocks)-len(taken), freed
	for _, b := range taken {
		for _, addr := range of[b.First] {
			r.Taken = append(r.Taken, TakenAddr{addr, b.by, s.halt != nil && !reported[b.by]})
		}
	}
	if s.halt != nil && !keepAll && !slices.ContainsFunc(r.Taken, func(t TakenAddr) bool { return t.Unsure }) {
		h.record.Reported = s.halt.Recovery // What else is taken is twice in use already.
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

// reported returns the hosts that have reported in a recovery, and those that have not even said what they hold.
// It is called before the blocks are looked at, since a host frees blocks before it has reported.
func (a *Admin) reported(ctx context.Context, space string, halt *HaltRecord) (names map[string]bool, silent []string, err error) {
	if halt == nil {
		return nil, nil, nil
	}
	hosts, err := a.Hosts(ctx, space)
	names = make(map[string]bool)
	for _, h := range hosts {
		switch {
		case h.Reported == halt.Recovery:
			names[h.Name] = true
		case h.Foreign || h.Evicted || len(h.Disputes) > 0:
		default:
			silent = append(silent, h.Name)
		}
	}
	return names, silent, err
}

// share is [holding.become] for an owner that is no host. It holds a block together with other such
// owners, and returns how many blocks are free now. If something has changed since it looked, it returns
// errChanged; what it has done until then is right.
func (h *holding) share(ctx context.Context, blocks []backend.Block) (freed int, taken []takenBlock, err error) {
	held, err := h.held(ctx)
	if err != nil {
		return 0, nil, err
	}
	owners, err := h.owners(ctx)
	if err != nil {
		return 0, nil, err
	}
	known, err := h.engine.Range(ctx, h.keys.blocks(), after(h.keys.blocks()), false)
	if err != nil {
		return 0, nil, err
	}
	at := make(map[string]Entry, len(known))
	for _, e := range known {
		at[e.Key] = e
	}
	extra := make(map[netip.Addr]bool)
	for _, first := range held {
		extra[first] = true
	}
	me := h.name + "/" + h.record.Incarnation
	var ops []Op
	for _, b := range blocks {
		if extra[b.First] {
			delete(extra, b.First)
			continue
		}
		e := at[h.keys.block(b.First)]
		e.Key = h.keys.block(b.First)
		record := BlockRecord{V: Version, Host: h.name, Incarnation: h.record.Incarnation, Mark: b.Mark.String()}
		if e.Revision != 0 {
			record = BlockRecord{}
			if err := decode(e, &record, &record.V); err != nil {
				return 0, nil, err
			}
			if !owners[record.Host+"/"+record.Incarnation] {
				taken = append(taken, takenBlock{b, record.Host})
				continue
			}
			record.Also = append(record.Also, me)
		}
		ops = append(ops, Nest(Txn{
			If:   []Condition{At(e)},
			Then: []Op{Put(e.Key, encode(record)), Put(h.keys.of(h.name, h.record.incarnation(), b.First), nil)},
		}))
	}
	for first := range extra {
		e := at[h.keys.block(first)]
		e.Key = h.keys.block(first)
		op, free, err := h.keys.leave(e, me, first)
		if err != nil {
			return 0, nil, err
		}
		if ops = append(ops, op); free {
			freed++
		}
	}
	for i := 0; i < len(ops); i += maxRequested {
		out, err := h.commit(ctx, ops[i:min(i+maxRequested, len(ops))]...)
		if err != nil {
			return 0, nil, err
		}
		if slices.ContainsFunc(out.Results[1:], func(r Result) bool { return !r.Nested.Held }) {
			return 0, nil, errChanged
		}
	}
	return freed, taken, nil
}

// owners returns the holders that are no hosts.
func (h *holding) owners(ctx context.Context) (map[string]bool, error) {
	entries, err := h.engine.Range(ctx, h.keys.hosts(), after(h.keys.hosts()), false)
	if err != nil {
		return nil, err
	}
	owners := make(map[string]bool)
	for _, e := range entries {
		var record HostRecord
		if err := decode(e, &record, &record.V); err != nil {
			return nil, err
		}
		if record.Foreign {
			owners[strings.TrimPrefix(e.Key, h.keys.hosts())+"/"+record.Incarnation] = true
		}
	}
	return owners, nil
}

// leave returns the operation by which a holder frees a block, if that is as in e, and whether the block
// is free then.
func (k keys) leave(e Entry, holder string, first netip.Addr) (op Op, free bool, err error) {
	then := []Op{Delete(k.indexes() + holder + "/" + addrText(first))}
	if e.Revision != 0 {
		var record BlockRecord
		if err := decode(e, &record, &record.V); err != nil {
			return op, false, err
		}
		if left, ok := record.without(holder); ok {
			then = append(then, Put(e.Key, encode(left)))
		} else {
			then, free = append(then, Delete(e.Key)), true
		}
	}
	return Nest(Txn{If: []Condition{At(e)}, Then: then}), free, nil
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
