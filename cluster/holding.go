package cluster

import (
	"context"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// A holding is all that one host holds, as the engine has it.
type holding struct {
	engine  Engine
	keys    keys
	newMark func() backend.Mark
	name    string

	// The conditions of the next commit: the record of the host, and the halt, as they were seen. Each
	// may be absent.
	host, halting Entry

	record HostRecord // what the next commit writes, with another mark
}

// A takenBlock is a block that another host holds.
type takenBlock struct {
	backend.Block
	by string
}

// String returns the ends of the block.
func (b takenBlock) String() string { return b.Block.String() }

// become puts the blocks that the host is to hold, unless another one holds them, and removes all
// others that it holds. It returns how many those are, and the blocks that others hold.
func (h *holding) become(ctx context.Context, blocks []backend.Block) (removed int, taken []takenBlock, err error) {
	incarnation := h.record.incarnation()
	held, err := h.held(ctx)
	if err != nil {
		return 0, nil, err
	}
	extra := make(map[netip.Addr]Op)
	for _, first := range held {
		of := h.keys.of(h.name, incarnation, first)
		extra[first] = Nest(Txn{If: []Condition{Present(of)}, Then: []Op{Delete(h.keys.block(first)), Delete(of)}})
	}
	var missing []backend.Block
	var ops []Op
	for _, b := range blocks {
		if _, known := extra[b.First]; known {
			delete(extra, b.First)
			continue
		}
		key := h.keys.block(b.First)
		value := encode(BlockRecord{V: Version, Host: h.name, Incarnation: h.record.Incarnation, Mark: b.Mark.String()})
		missing = append(missing, b)
		ops = append(ops, Nest(Txn{
			If: []Condition{Absent(key)}, Then: []Op{Put(key, value), Put(h.keys.of(h.name, incarnation, b.First), nil)},
			Else: []Op{Get(key)},
		}))
	}
	for _, op := range extra {
		ops = append(ops, op)
	}
	for i := 0; i < len(ops); i += maxRequested {
		out, err := h.commit(ctx, ops[i:min(i+maxRequested, len(ops))]...)
		if err != nil {
			return 0, nil, err
		}
		for j, result := range out.Results[1:] {
			if i+j >= len(missing) || result.Nested.Held {
				continue
			}
			var by BlockRecord
			if err := decode(result.Nested.Results[0].Entry, &by, &by.V); err != nil {
				return 0, nil, err
			}
			taken = append(taken, takenBlock{missing[i+j], by.Host})
		}
	}
	return len(extra), taken, nil
}

// held returns the first addresses of the blocks that the host holds.
func (h *holding) held(ctx context.Context) (firsts []netip.Addr, err error) {
	prefix := h.keys.allOf(h.name, h.record.incarnation())
	entries, err := h.engine.Range(ctx, prefix, after(prefix), false)
	for _, e := range entries {
		first, err := parseAddrText(e.Key[len(prefix):])
		if err != nil {
			return nil, err
		}
		firsts = append(firsts, first)
	}
	return firsts, err
}

// commit does ops, and writes the record of the host. If something has changed since it was seen, it
// does nothing and returns errChanged.
func (h *holding) commit(ctx context.Context, ops ...Op) (Outcome, error) {
	h.host.Key, h.halting.Key = h.keys.host(h.name), h.keys.halt()
	h.record.Mark = h.newMark().String()
	put := Put(h.host.Key, encode(h.record))
	out, err := h.engine.Commit(ctx, Txn{
		If: []Condition{At(h.host), At(h.halting), Present(h.keys.config())}, Then: append([]Op{put}, ops...),
	})
	if err == nil && !out.Held {
		err = errChanged
	}
	h.host = Entry{Key: put.Key, Value: put.Value, Revision: out.Revision}
	return out, err
}
