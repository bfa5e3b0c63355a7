//go:build linux

package powercut

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// promises are what each container may hold, and what it must.
type promises struct {
	kinds  map[string]bool // the kinds of store that may exist
	claims map[string]claim
}

// A claim is what one container may or must hold.
type claim struct {
	addrs []netip.Addr // nil if unknown: any addresses of one ADD
	must  bool
}

func newPromises() *promises {
	return &promises{kinds: map[string]bool{stores.None: true}, claims: map[string]claim{}}
}

// check returns an error unless the kind of store and its holding are as promised.
func (p *promises) check(kind string, h faulttest.Holding) error {
	if !p.kinds[kind] {
		return fmt.Errorf("there is a store of kind %q, want one of %v", kind, slices.Sorted(maps.Keys(p.kinds)))
	}
	for _, id := range slices.Sorted(maps.Keys(p.claims)) {
		if c := p.claims[id]; c.must && !slices.Equal(c.addrs, h[id]) {
			return fmt.Errorf("%s was promised %v, but holds %v", id, c.addrs, h[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h)) {
		c, ok := p.claims[id]
		if !ok {
			return fmt.Errorf("%s holds %v, which was never promised or has been released", id, h[id])
		}
		if c.addrs != nil && !slices.Equal(c.addrs, h[id]) {
			return fmt.Errorf("%s holds %v, but was promised %v", id, h[id], c.addrs)
		}
	}
	return nil
}

// known returns the containers that may hold addresses.
func (p *promises) known() []string { return slices.Sorted(maps.Keys(p.claims)) }

// Events that change the promises.
type (
	asked  struct{ id string } // the container may get addresses from now on
	leased struct {
		id    string
		addrs []netip.Addr
	}
	releasing struct{ ids []string } // the containers may lose their addresses from now on
	released  struct{ ids []string }
	moving    struct{ to string } // a store of that kind may appear
	moved     struct{ to string } // the store is of that kind
)

func (e asked) String() string     { return "ADD of " + e.id + " starts" }
func (e leased) String() string    { return fmt.Sprintf("ADD of %s answers %v", e.id, e.addrs) }
func (e releasing) String() string { return fmt.Sprintf("release of %v starts", e.ids) }
func (e released) String() string  { return fmt.Sprintf("release of %v is done", e.ids) }
func (e moving) String() string    { return "a store of kind " + e.to + " may appear" }
func (e moved) String() string     { return "the store is of kind " + e.to }

func (e asked) apply(m *moment) error {
	m.promises.claims[e.id] = claim{}
	return nil
}

func (e leased) apply(m *moment) error {
	m.promises.claims[e.id] = claim{slices.SortedFunc(slices.Values(e.addrs), netip.Addr.Compare), true}
	return nil
}

func (e releasing) apply(m *moment) error {
	for _, id := range e.ids {
		if c, ok := m.promises.claims[id]; ok {
			m.promises.claims[id] = claim{addrs: c.addrs}
		}
	}
	return nil
}

func (e released) apply(m *moment) error {
	for _, id := range e.ids {
		delete(m.promises.claims, id)
	}
	return nil
}

func (e moving) apply(m *moment) error {
	m.promises.kinds[e.to] = true
	return nil
}

func (e moved) apply(m *moment) error {
	m.promises.kinds = map[string]bool{e.to: true}
	return nil
}
