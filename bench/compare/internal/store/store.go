// Package store makes the stores that plugins are measured on.
//
// A [Store] is filled here and then changed by a plugin. It remembers who holds
// what, and so tells beforehand what a plugin has to answer; and [Store.Verify] tells
// whether the plugin did what it answered.
//
// Every store is filled in the way that is its own. A directory gets a file for each
// lease as the stock plugin writes it, whichever plugin is going to work on it. A
// bolt file grows by a transaction for each container, as by ADDs: in what order and
// how many at once decides how large it becomes. Only above 65,000 containers, where
// that matters little, are there a hundred of them in a transaction.
package store

import (
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/pool"
)

// A Kind is a way to keep leases.
type Kind string

// The kinds of store. Files is also that of the stock plugin.
const (
	Files Kind = "files"
	Bolt  Kind = "bolt"
)

// An Attachment is a container and its addresses, one of each subnet.
type Attachment struct {
	Container container.Container
	Addrs     []netip.Addr
}

// A Store is the store of one network. It is not safe for concurrent use.
type Store struct {
	Network container.Network

	kind  Kind
	pools []*pool.Pool // of the network's subnets
	held  []Attachment // the oldest first
	next  container.Container
}

// New returns the store of a network, in which there is nothing yet. A configuration
// names a backend only where it has to: one that was written for the stock plugin
// does not.
func New(kind Kind, dataDir string, subnets ...netip.Prefix) *Store {
	s := &Store{kind: kind, Network: container.Network{DataDir: dataDir, Subnets: subnets}}
	if kind == Bolt {
		s.Network.Backend = string(kind)
	}
	for _, subnet := range subnets {
		s.pools = append(s.pools, pool.New(subnet))
	}
	return s
}

// Len returns the number of attachments that hold leases.
func (s *Store) Len() int { return len(s.held) }

// Leases returns the number of leases.
func (s *Store) Leases() int { return len(s.held) * len(s.pools) }

// At returns an attachment that holds leases; that at 0 is the oldest.
func (s *Store) At(i int) Attachment { return s.held[i] }

// Next returns the attachment that is to come next, with the addresses that it has
// to get. It is not ok if there are none left.
func (s *Store) Next() (a Attachment, ok bool) {
	a.Container = s.next
	for _, p := range s.pools {
		addr, ok := p.Next()
		if !ok {
			return a, false
		}
		a.Addrs = append(a.Addrs, addr)
	}
	return a, true
}

// Newcomer returns a container that has not been there before, for an ADD that may
// give any addresses.
func (s *Store) Newcomer() container.Container {
	s.next++
	return s.next - 1
}

// Added takes note that an ADD has given addresses. It returns an error if one of
// them was leased, or must not be.
func (s *Store) Added(a Attachment) error {
	for i, p := range s.pools {
		if err := p.Lease(a.Addrs[i]); err != nil {
			return err
		}
	}
	s.next = max(s.next, a.Container+1)
	s.held = append(s.held, a)
	return nil
}

// Remove takes note that the leases of an attachment are released, and returns it.
// The others keep their order.
func (s *Store) Remove(i int) Attachment {
	a := s.held[i]
	if i == 0 {
		s.held = s.held[1:]
	} else {
		s.held = slices.Delete(s.held, i, i+1)
	}
	for i, p := range s.pools {
		p.Release(a.Addrs[i])
	}
	return a
}
