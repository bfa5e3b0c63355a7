package peers

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
)

// A Lineup is peers in the order in which they are shown.
type Lineup []*Peer

// NewLineup returns the peers with these names, each with an empty store of the subnets, in
// directories with names of one length below dir. It leaves out programs that could not be
// built.
func NewLineup(programs Programs, dir string, subnets []netip.Prefix, names ...string) Lineup {
	var l Lineup
	for i, name := range names {
		p, kind := &Peer{Name: name}, Bolt
		switch name {
		case Stock:
			p.Program, kind = programs.Stock, Files
		case Files:
			p.Program, kind = programs.Leasehold, Files
		case Bolt, BoltEmpty:
			p.Program = programs.Leasehold
		case Polling:
			p.Program = programs.Polling
		case EmptyGo:
			p.Program, kind = programs.EmptyGo, ""
		case EmptyC:
			p.Program, kind = programs.EmptyC, ""
		}
		if kind != "" {
			p.Store = NewStore(kind, filepath.Join(dir, fmt.Sprintf("%02d", i)), subnets...)
		}
		if p.Program.Path != "" {
			l = append(l, p)
		}
	}
	return l
}

// Only returns the peers for which keep returns true.
func (l Lineup) Only(keep func(*Peer) bool) Lineup {
	var some Lineup
	for _, p := range l {
		if keep(p) {
			some = append(some, p)
		}
	}
	return some
}

// Stored returns the peers that have a store.
func (l Lineup) Stored() Lineup {
	return l.Only(func(p *Peer) bool { return p.Store != nil })
}

// Fill calls fill for every peer that has a store. It then collects garbage, so that this
// does not happen during measurements.
func (l Lineup) Fill(fill func(*Peer) error) error {
	for _, p := range l.Stored() {
		if err := fill(p); err != nil {
			return p.explain("filling the store", err)
		}
	}
	runtime.GC()
	return nil
}

// Verify returns an error unless every store holds what it must hold.
func (l Lineup) Verify(ctx context.Context) error {
	for _, p := range l.Stored() {
		if err := p.Store.Verify(ctx); err != nil {
			return err
		}
	}
	return nil
}
