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

// promises are what containers may hold, and what they must.
type promises struct {
	kinds  map[string]bool // of store that may stand there
	claims map[string]claim
}

// A claim is that of one container.
type claim struct {
	addrs []netip.Addr // nil: not known, whatever one ADD leases
	must  bool
}

func newPromises() *promises {
	return &promises{kinds: map[string]bool{stores.None: true}, claims: map[string]claim{}}
}

// check returns an error if a store cannot be of that kind, or not hold h and nothing
// else.
func (p *promises) check(kind string, h faulttest.Holding) error {
	if !p.kinds[kind] {
		return fmt.Errorf("there is a store of kind %q, want one of %v", kind, slices.Sorted(maps.Keys(p.kinds)))
	}
	for _, id := range slices.Sorted(maps.Keys(p.claims)) {
		if c := p.claims[id]; c.must && !slices.Equal(c.addrs, h[id]) {
			return fmt.Errorf("%s was promised %v, and holds %v", id, c.addrs, h[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h)) {
		c, ok := p.claims[id]
		if !ok {
			return fmt.Errorf("%s holds %v, which it was never promised, or has released", id, h[id])
		}
		if c.addrs != nil && !slices.Equal(c.addrs, h[id]) {
			return fmt.Errorf("%s holds %v, and was promised %v", id, h[id], c.addrs)
		}
	}
	return nil
}

// known returns the containers that may hold something.
func (p *promises) known() []string { return slices.Sorted(maps.Keys(p.claims)) }

// What is promised.
type (
	asked  struct{ id string } // from now on it may be leased to
	leased struct {
		id    string
		addrs []netip.Addr
	}
	releasing struct{ ids []string } // from now on they may be
	released  struct{ ids []string }
	moving    struct{ to string } // a store of that kind may come to be there
	moved     struct{ to string } // and is there, and no other
)

func (e asked) String() string     { return e.id + " asks" }
func (e leased) String() string    { return fmt.Sprintf("%s is told of %v", e.id, e.addrs) }
func (e releasing) String() string { return fmt.Sprintf("release of %v begins", e.ids) }
func (e released) String() string  { return fmt.Sprintf("release of %v is done", e.ids) }
func (e moving) String() string    { return "store of kind " + e.to + " may come" }
func (e moved) String() string     { return "store of kind " + e.to + " has come" }

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
