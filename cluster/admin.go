package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// An Admin is an operator's view of the spaces of an engine.
type Admin struct {
	engine Engine
	prefix string

	margin  int64 // see WithMargin
	writers int
}

// minMargin is far more than the entries with which the log of restored servers begins, or a restore
// would not show in the [Origin].
const minMargin = 64

// NewAdmin returns the view of the spaces whose keys begin with prefix.
func NewAdmin(engine Engine, prefix string) *Admin { return &Admin{engine, prefix, minMargin, 1} }

// WithMargin returns the view with another margin than 64. A restore of the servers shows until their log
// has had so many entries that write nothing, such as leases of other users, unless the servers are older: so many
// revisions are written before hosts use a space, and before they use it again after a recovery, by
// that many writers at once.
func (a *Admin) WithMargin(entries int64, writers int) *Admin {
	return &Admin{a.engine, a.prefix, max(entries, minMargin), max(writers, 1)}
}

// Init makes a space. Its Accepted and Recovery are set, and its ID, unless c has the ID of a space that was lost and
// whose hosts are to know this one. It returns [ErrExists] if there is one of that name.
func (a *Admin) Init(ctx context.Context, space string, c Config) error {
	return a.init(ctx, space, c, nil)
}

// InitRecovering makes a space that is being recovered: its hosts, which have leases already, adopt
// them ([Member.Adopt]) before any of them gets more. [Admin.Recovered] ends that.
func (a *Admin) InitRecovering(ctx context.Context, space string, c Config) error {
	return a.init(ctx, space, c, &HaltRecord{
		V: Version, By: operator, Text: "its hosts are to adopt what they have leased",
	})
}

// operator is who halts a space that no host has halted.
const operator = "an operator"

func (a *Admin) init(ctx context.Context, space string, c Config, halt *HaltRecord) error {
	if err := ValidateName(space); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	origin, err := a.engine.Origin(ctx)
	if err != nil {
		return err
	}
	c.V, c.Accepted, c.Recovery, c.ID = Version, origin.accepted(), newRecovery(0), cmp.Or(c.ID, randomMark().String())
	k := keysOf(a.prefix, space)
	if err := a.pad(ctx, k, c.Accepted); err != nil {
		return err
	}
	t := Txn{If: []Condition{Absent(k.config())}, Then: []Op{Put(k.config(), encode(c)), Put(spaceKey(a.prefix, space), nil)}}
	if halt != nil {
		halt.Accepted, halt.Recovery = c.Accepted, newRecovery(c.Recovery)
		t.Then = append(t.Then, Put(k.halt(), encode(halt)))
	}
	out, err := a.engine.Commit(ctx, t)
	if err == nil && !out.Held {
		err = fmt.Errorf("%w: %s", ErrExists, space)
	}
	return err
}

// pad writes until a restore of what is written from now on would show in the Origin.
func (a *Admin) pad(ctx context.Context, k keys, accepted Origin) error {
	all, ctx := errgroup.WithContext(ctx)
	for range a.writers - 1 {
		all.Go(func() error { return a.write(ctx, k, accepted.Offset+a.margin) })
	}
	return errors.Join(a.write(ctx, k, accepted.Offset+a.margin), all.Wait())
}

// write writes until the engine has a revision.
func (a *Admin) write(ctx context.Context, k keys, least int64) error {
	for revision := int64(0); revision < least; {
		out, err := a.engine.Commit(ctx, Txn{Then: []Op{Put(k.config()+"-padding", nil)}})
		if err != nil {
			return err
		}
		revision = out.Revision
	}
	return nil
}

// Overlapping returns the name of another space than the given one that has addresses of c, or an
// empty string.
func (a *Admin) Overlapping(ctx context.Context, space string, c Config) (other string, err error) {
	spans, err := c.spans()
	if err != nil {
		return "", err
	}
	names, err := a.Spaces(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if name == space {
			continue
		}
		known, _, err := a.Space(ctx, name)
		if err != nil {
			return "", err
		}
		theirs, err := known.spans()
		if err != nil {
			return "", err
		}
		for _, s := range spans {
			if slices.ContainsFunc(theirs, func(t allocator.Span) bool { return s.Intersect(t) != allocator.Span{} }) {
				return name, nil
			}
		}
	}
	return "", nil
}

// Spaces returns the names of all spaces, sorted.
func (a *Admin) Spaces(ctx context.Context) (names []string, err error) {
	prefix := spaceKey(a.prefix, "")
	entries, err := a.engine.Range(ctx, prefix, after(prefix), false)
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(e.Key, prefix))
	}
	return names, err
}

// Space returns what the hosts of a space agree on, and why it is halted; nil if it is not.
func (a *Admin) Space(ctx context.Context, space string) (Config, *HaltRecord, error) {
	s, err := a.state(ctx, space)
	return s.config, s.halt, err
}

// A Host is a host of a space, as an operator was shown it.
type Host struct {
	Name string
	HostRecord
	entry Entry
}

// Hosts returns the hosts of a space, those that were evicted included, by name.
func (a *Admin) Hosts(ctx context.Context, space string) (all []Host, err error) {
	k := keysOf(a.prefix, space)
	entries, err := a.engine.Range(ctx, k.hosts(), after(k.hosts()), false)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		h := Host{Name: strings.TrimPrefix(e.Key, k.hosts()), entry: e}
		if err := decode(e, &h.HostRecord, &h.V); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// A HeldBlock is a block, and the host that holds it.
type HeldBlock struct {
	First netip.Addr
	BlockRecord
}

// Blocks returns the blocks of a space that hosts hold, ascending.
func (a *Admin) Blocks(ctx context.Context, space string) (all []HeldBlock, err error) {
	k := keysOf(a.prefix, space)
	entries, err := a.engine.Range(ctx, k.blocks(), after(k.blocks()), false)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		b := HeldBlock{}
		if b.First, err = parseAddrText(strings.TrimPrefix(e.Key, k.blocks())); err != nil {
			return nil, err
		}
		if err := decode(e, &b.BlockRecord, &b.V); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// Who returns the host that holds the block of addr; ok is false if the block is free.
func (a *Admin) Who(ctx context.Context, space string, addr netip.Addr) (b HeldBlock, ok bool, err error) {
	s, err := a.state(ctx, space)
	if err != nil {
		return b, false, err
	}
	span, err := s.config.BlockOf(addr)
	if err != nil {
		return b, false, err
	}
	key := keysOf(a.prefix, space).block(span.First)
	out, err := a.engine.Commit(ctx, Txn{Then: []Op{Get(key)}})
	if err != nil || out.Results[0].Entry.Revision == 0 {
		return b, false, err
	}
	b.First = span.First
	return b, true, decode(out.Results[0].Entry, &b.BlockRecord, &b.V)
}

// Halted returns why a space is halted, or nil if it is not.
func (a *Admin) Halted(ctx context.Context, space string) (*HaltRecord, error) {
	_, h, err := a.Space(ctx, space)
	return h, err
}

// A state is what a space has besides hosts and blocks.
type state struct {
	config    Config
	halt      *HaltRecord
	configure Entry // of config
	halting   Entry // of halt; absent if that is nil
	revision  int64 // of the engine when this was read
}

func (a *Admin) state(ctx context.Context, space string) (s state, err error) {
	k := keysOf(a.prefix, space)
	out, err := a.engine.Commit(ctx, Txn{Then: []Op{Get(k.config()), Get(k.halt())}})
	if err != nil {
		return s, err
	}
	s.configure, s.halting, s.revision = out.Results[0].Entry, out.Results[1].Entry, out.Revision
	if s.configure.Revision == 0 {
		return s, fmt.Errorf("%w: %s", ErrNoSpace, space)
	}
	if err := decode(s.configure, &s.config, &s.config.V); err != nil {
		return s, err
	}
	s.halt, err = decodeHalt(s.halting)
	return s, err
}

// Evict frees the blocks of a host. It must be switched off, and the caller has made sure of
// that: its containers have addresses that other hosts can lease from now on. When it is
// switched on again it leases nothing, because it is not attested in that boot.
//
// h is the host as [Admin.Hosts] has shown it; if it has made a request since, Evict returns
// [ErrConflict]. An Evict that was interrupted is continued by another one, with the record that
// Hosts shows by then.
func (a *Admin) Evict(ctx context.Context, space string, h Host) (blocks int, err error) {
	k := keysOf(a.prefix, space)
	s, err := a.state(ctx, space)
	switch {
	case err != nil:
		return 0, err
	case s.halt != nil && s.halt.Recovery == 0:
		return 0, fmt.Errorf("%w; begin its recovery before a host is evicted", halted(*s.halt))
	}
	if !h.Evicted {
		record := h.HostRecord
		record.Evicted = true
		out, err := a.engine.Commit(ctx, Txn{
			If: []Condition{At(h.entry), At(s.halting)}, Then: []Op{Put(h.entry.Key, encode(record))},
		})
		if err != nil {
			return 0, err
		}
		if !out.Held {
			return 0, fmt.Errorf("%w: host %s has made a request since, or the space was halted or recovered", ErrConflict, h.Name)
		}
	}
	if h.Foreign {
		return a.leaveAll(ctx, k, s.halting, h.Name, h.incarnation())
	}
	return a.free(ctx, k, s.halting, h.Name, h.incarnation())
}

// leaveAll is free for an owner that is no host: others can hold its blocks, too.
func (a *Admin) leaveAll(ctx context.Context, k keys, halting Entry, owner string, incarnation backend.Mark) (blocks int, err error) {
	prefix := k.allOf(owner, incarnation)
	for range maxAttempts {
		entries, err := a.engine.Range(ctx, prefix, after(prefix), false)
		if err != nil || len(entries) == 0 {
			return blocks, err
		}
		n := min(len(entries), maxRequested)
		look, t, freed := Txn{}, Txn{If: []Condition{At(halting)}}, make([]bool, n)
		for _, e := range entries[:n] {
			look.Then = append(look.Then, Get(k.blocks()+strings.TrimPrefix(e.Key, prefix)))
		}
		seen, err := a.engine.Commit(ctx, look)
		if err != nil {
			return blocks, err
		}
		for i, e := range entries[:n] {
			first, err := parseAddrText(strings.TrimPrefix(e.Key, prefix))
			if err != nil {
				return blocks, err
			}
			op, free, err := k.leave(seen.Results[i].Entry, owner+"/"+incarnation.String(), first)
			if err != nil {
				return blocks, err
			}
			t.Then, freed[i] = append(t.Then, op), free
		}
		out, err := a.engine.Commit(ctx, t)
		if err == nil && !out.Held {
			err = fmt.Errorf("%w: the space was halted or recovered", ErrConflict)
		}
		if err != nil {
			return blocks, err
		}
		for i, r := range out.Results {
			if r.Nested.Held && freed[i] {
				blocks++
			}
		}
	}
	return blocks, fmt.Errorf("%w: the blocks of %s", ErrConflict, owner)
}

// free removes the blocks of an incarnation that can make no request any more.
func (a *Admin) free(ctx context.Context, k keys, halting Entry, host string, incarnation backend.Mark) (blocks int, err error) {
	prefix := k.allOf(host, incarnation)
	entries, err := a.engine.Range(ctx, prefix, after(prefix), false)
	for err == nil && len(entries) > 0 {
		n := min(len(entries), maxRequested)
		t := Txn{If: []Condition{At(halting)}}
		for _, e := range entries[:n] {
			block := k.blocks() + strings.TrimPrefix(e.Key, prefix)
			t.Then = append(t.Then, Nest(Txn{If: []Condition{Present(e.Key)}, Then: []Op{Delete(block), Delete(e.Key)}}))
		}
		var out Outcome
		if out, err = a.engine.Commit(ctx, t); err == nil && !out.Held {
			err = fmt.Errorf("%w: the space was halted or recovered", ErrConflict)
		}
		if err == nil {
			blocks, entries = blocks+n, entries[n:]
		}
	}
	return blocks, err
}
