// Package store makes the stores that plugins are measured on.
//
// A [Store] is filled through the library and then changed by a plugin. Leases are
// taken at one end and released at the other: it holds the containers from the
// oldest to the newest, and their numbers are all that is to be known about it. So
// what a plugin has to answer is known beforehand, and [Store.Verify] can tell
// whether it did what it answered.
package store

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/internal/boot"
)

// A Kind is a way to keep leases.
type Kind string

// The kinds of store. Files is also that of the stock plugin.
const (
	Files Kind = "files"
	Bolt  Kind = "bolt"
)

// A Store holds the leases of the containers from oldest to, but not including,
// next.
type Store struct {
	Network container.Network

	kind         Kind
	oldest, next container.Container
}

// New returns the store of a network, in which there is nothing yet.
func New(kind Kind, n container.Network) *Store { return &Store{Network: n, kind: kind} }

// Len returns the number of leases.
func (s *Store) Len() int { return int(s.next - s.oldest) }

// Newcomer returns the container that is to get the next lease.
func (s *Store) Newcomer() container.Container { return s.next }

// Oldest returns the container whose lease is the oldest.
func (s *Store) Oldest() container.Container { return s.oldest }

// Added takes note that a plugin has leased an address to the newcomer.
func (s *Store) Added() { s.next++ }

// Removed takes note that a plugin has released the oldest lease.
func (s *Store) Removed() { s.oldest++ }

// chunk is how many leases are put in one transaction. Many at once would leave a
// bolt file with free pages that a file which grew ADD by ADD does not have.
const chunk = 100

// Grow adds leases until there are as many as fill.
func (s *Store) Grow(ctx context.Context, fill int) error {
	st, err := s.open()
	if err != nil {
		return err
	}
	defer st.Close() // there is nothing left to lose: an Update is durable when it returns
	for s.Len() < fill {
		last := s.next + container.Container(min(fill-s.Len(), chunk)) - 1
		if err := st.Update(ctx, s.put(s.next, last)); err != nil {
			return err
		}
		s.next = last + 1
	}
	return nil
}

// put records what the plugin would have recorded, had it been executed for each
// container in turn.
func (s *Store) put(first, last container.Container) func(backend.Tx) error {
	id := boot.Current().ID
	return func(tx backend.Tx) error {
		for c := first; c <= last; c++ {
			if err := tx.Put(c.Lease(id)); err != nil {
				return err
			}
		}
		if err := tx.SetCursor("0", last.Addr()); err != nil {
			return err
		}
		return tx.SetBoot(id)
	}
}

// Verify returns an error unless the store holds exactly the leases that it ought
// to hold.
func (s *Store) Verify(ctx context.Context) error {
	st, err := s.open()
	if err != nil {
		return err
	}
	defer st.Close() // it was only read
	return st.View(ctx, func(tx backend.ReadTx) error {
		want := s.oldest
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			if want == s.next || l.Addr != want.Addr() || l.Owner != want.Lease("").Owner {
				return fmt.Errorf("%s: %s is leased to %s, unexpectedly", s.Network.Path(), l.Addr, l.Owner)
			}
			want++
		}
		if want != s.next {
			return fmt.Errorf("%s: %s is not leased", s.Network.Path(), want.Addr())
		}
		return nil
	})
}

func (s *Store) open() (backend.Store, error) {
	if s.kind == Bolt {
		return bolt.Open(s.Network.Path()), nil
	}
	return files.Open(s.Network.Path())
}
