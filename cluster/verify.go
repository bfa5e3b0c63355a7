package cluster

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// maxLooks is how often Verify looks for a moment at which nothing changes.
const maxLooks = 5

// Verify returns what is wrong with a space as its engine has it, a text for each, with the next
// step: blocks that no living member holds, indexes that differ from the blocks, hosts whose ranges
// differ, a space that is halted. It changes nothing. If hosts make requests all the time, so that it
// never sees one moment, it returns [ErrConflict].
//
// Only a host can tell whether its store agrees: see [Member.Differences].
func (a *Admin) Verify(ctx context.Context, space string) (wrong []string, err error) {
	for range maxLooks {
		before, err := a.look(ctx, space)
		if err != nil {
			return nil, err
		}
		after, err := a.state(ctx, space)
		if err != nil {
			return nil, err
		}
		if before.revision == after.revision {
			return before.wrong(), nil
		}
	}
	return nil, fmt.Errorf("%w: hosts of space %s were making requests all the time", ErrConflict, space)
}

// A picture is all that the engine has of a space.
type picture struct {
	state
	origin Origin
	hosts  []Host
	blocks []HeldBlock
	of     map[string]bool // the keys of the indexes, without what all begin with
}

func (a *Admin) look(ctx context.Context, space string) (p picture, err error) {
	if p.state, err = a.state(ctx, space); err != nil {
		return p, err
	}
	if p.hosts, err = a.Hosts(ctx, space); err != nil {
		return p, err
	}
	if p.blocks, err = a.Blocks(ctx, space); err != nil {
		return p, err
	}
	k := keysOf(a.prefix, space)
	entries, err := a.engine.Range(ctx, k.indexes(), after(k.indexes()), false)
	if err != nil {
		return p, err
	}
	p.of = make(map[string]bool)
	for _, e := range entries {
		p.of[strings.TrimPrefix(e.Key, k.indexes())] = true
	}
	p.origin, err = a.engine.Origin(ctx)
	return p, err
}

// wrong returns what is wrong with it.
func (p picture) wrong() (texts []string) {
	say := func(format string, args ...any) { texts = append(texts, fmt.Sprintf(format, args...)) }
	switch {
	case p.halt != nil && p.halt.isRecovering(p.origin):
		say("the space is being recovered (halted by %s: %s): evict hosts that cannot report, then end the recovery", p.halt.By, p.halt.Text)
	case p.halt != nil:
		say("the space is halted by %s: %s: begin its recovery", p.halt.By, p.halt.Text)
	case !p.config.accepts(p.origin):
		say("the servers were restored from a backup, or replaced: the next host that makes a request halts the space")
	}
	hosts := make(map[string]Host)
	ranges := make(map[string][]string)
	for _, h := range p.hosts {
		hosts[h.Name] = h
		if !h.Evicted && h.Ranges != "" {
			ranges[h.Ranges] = append(ranges[h.Ranges], h.Name)
		}
	}
	if len(ranges) > 1 {
		for _, r := range slices.Sorted(maps.Keys(ranges)) {
			say("hosts have different ranges: %s has %s; their configurations should be the same", strings.Join(ranges[r], ", "), r)
		}
	}
	for _, b := range p.blocks {
		span, err := p.config.BlockOf(b.First)
		if err != nil || span.First != b.First {
			say("block %s of host %s is no block of the space", b.First, b.Host)
		}
		for _, holder := range b.holders() {
			key := holder + "/" + addrText(b.First)
			name, incarnation, _ := strings.Cut(holder, "/")
			if !p.of[key] {
				say("block %s is held by host %s and not in its index", b.First, name)
			}
			delete(p.of, key)
			switch h, ok := hosts[name]; {
			case !ok:
				say("block %s is held by host %s, of which there is no record", b.First, name)
			case h.Incarnation != incarnation:
				say("block %s is held by an earlier host of the name %s", b.First, name)
			case h.Evicted:
				say("block %s is held by host %s, whose eviction was interrupted: evict it again", b.First, name)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.of)) {
		say("the index %s is of a block that is not held so", key)
	}
	return texts
}

// Usage is how much of a space its hosts hold.
type Usage struct {
	Addresses, Held uint64 // addresses in the ranges of the space, and in the blocks that are held; at most 2^64-1
	Blocks          int    // that are held
}

// Usage returns how much of a space its hosts hold. What they have leased of it they alone know.
func (a *Admin) Usage(ctx context.Context, space string) (u Usage, err error) {
	c, _, err := a.Space(ctx, space)
	if err != nil {
		return u, err
	}
	blocks, err := a.Blocks(ctx, space)
	if err != nil {
		return u, err
	}
	spans, err := c.spans()
	if err != nil {
		return u, err
	}
	for _, span := range spans {
		u.Addresses = addSizes(u.Addresses, span.Size())
	}
	u.Blocks = len(blocks)
	for _, b := range blocks {
		block, err := c.BlockOf(b.First)
		if err != nil {
			return u, err
		}
		for _, span := range spans {
			u.Held = addSizes(u.Held, span.Intersect(block).Size())
		}
	}
	return u, nil
}

// addSizes adds two sizes; the sum is 2^64-1 if it is more.
func addSizes(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<64 - 1
}

// Differences returns in what the store of this host and the engine differ, a text for each. It
// changes nothing, and needs no attestation. A host that is making a request differs for a moment.
func (m *Member) Differences(ctx context.Context) (differ []string, err error) {
	local, err := m.recorded(ctx)
	if err != nil {
		return nil, err
	}
	say := func(format string, args ...any) { differ = append(differ, fmt.Sprintf(format, args...)) }
	if local.Stopped != "" {
		say("%v", stopped(local.Stopped))
	}
	v, err := m.look(ctx, local)
	if err != nil {
		return nil, err
	}
	if v.halt != nil {
		say("%v", halted(*v.halt))
	}
	switch {
	case v.host.Revision == 0, v.record.incarnation() != local.Incarnation:
		say("host %s is no member of the space any more: %s", local.Host, v.notMember(local))
		return differ, nil
	case v.record.Evicted:
		say("host %s was evicted", local.Host)
	case v.record.Sequence != local.Sequence && !isDone(local, v.record):
		say("the last request of host %s has number %d here and %d with the servers", local.Host, local.Sequence, v.record.Sequence)
	}
	var ours []backend.Block
	err = m.store.View(ctx, func(tx backend.ReadTx) (err error) {
		ours, err = backend.Blocks(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	theirs, err := m.listed(ctx, local, v)
	if err != nil {
		return nil, err
	}
	for _, b := range ours {
		if theirs[b.First] == (backend.Block{}) && b.State != backend.Requested {
			say("block %s is here, %s, and the servers do not know that this host holds it", b, b.State)
		}
		delete(theirs, b.First)
	}
	for _, first := range slices.SortedFunc(maps.Keys(theirs), netip.Addr.Compare) {
		say("block %s is held by this host for the servers, and not here", theirs[first])
	}
	return differ, nil
}

// spans returns the ranges of the space.
func (c Config) spans() (all []allocator.Span, err error) {
	for _, r := range c.Ranges {
		span, err := allocator.ParseSpan(r)
		if err != nil {
			return nil, err
		}
		all = append(all, span)
	}
	return all, nil
}
