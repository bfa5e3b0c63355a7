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
// directories with names of one length below dir. It leaves out programs that were not built.
func NewLineup(programs Programs, dir string, subnets []netip.Prefix, names ...string) Lineup {
	all := map[string]struct {
		program Program
		kind    string
	}{
		Stock:       {programs.Stock, Files},
		Files:       {programs.Leasehold, Files},
		Bolt:        {programs.Leasehold, Bolt},
		BoltEmpty:   {programs.Leasehold, Bolt},
		EmptyGo:     {programs.EmptyGo, ""},
		BoltBefore:  {programs.Before, Bolt},
		FilesBefore: {programs.Before, Files},
	}
	var l Lineup
	for i, name := range names {
		one, store := all[name], NewStore("", "") // a container has no address of a program that does nothing
		if one.kind != "" {
			store = NewStore(one.kind, filepath.Join(dir, fmt.Sprintf("%02d", i)), subnets...)
		}
		if one.program.Path != "" {
			l = append(l, &Peer{Name: name, Program: one.program, Store: store})
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

// Grow grows every store to n attachments, each with the last of the next stride addresses. An
// earlier version may be unable to read what this one writes, so its program is run. Then
// garbage is collected, so that this does not happen during measurements.
func (l Lineup) Grow(ctx context.Context, n, stride int) error {
	for _, p := range l {
		var err error
		switch p.Name {
		case BoltEmpty:
		case BoltBefore, FilesBefore:
			for p.Store.Len() < n && err == nil && ctx.Err() == nil {
				_, err = p.Add()
			}
		default:
			err = p.Store.Grow(ctx, n, stride)
		}
		if err != nil {
			return p.explain("filling the store", err)
		}
	}
	runtime.GC()
	return ctx.Err()
}

// Verify returns an error unless every store holds what it must hold.
func (l Lineup) Verify(ctx context.Context) error {
	for _, p := range l {
		if err := p.Store.Verify(ctx); err != nil {
			return err
		}
	}
	return nil
}
