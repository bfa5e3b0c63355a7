//go:build linux

package powercut

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// promises are what each container may hold, and what it must.
type promises struct {
	kinds  map[string]bool // the kinds of store that may exist
	claims map[string]claim
	ends   map[string]ends
	warm   []netip.Addr // of the last release; no ADD has begun since
}

// ends are how often a container's lease has ended.
type ends struct {
	least int // in the history of a bolt store, because a release was acknowledged
	most  int
}

// A claim is what one container may or must hold.
type claim struct {
	addrs  []netip.Addr // nil if unknown: any addresses of one ADD
	must   bool
	ending bool // a release has begun
	held   bool // it had to be held when the release began
}

func newPromises() *promises {
	return &promises{kinds: map[string]bool{stores.None: true}, claims: map[string]claim{}, ends: map[string]ends{}}
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

// checkMemory returns an error unless the history has each lease whose release was acknowledged, and
// none that is held, and the addresses of the last release cool if the network says so. A store of
// files remembers nothing.
func (p *promises) checkMemory(m *faulttest.Memory, h faulttest.Holding, n faulttest.Network) error {
	if m == nil {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(p.ends)) {
		e := p.ends[id]
		if p.claims[id].ending && h[id] != nil {
			e.most--
		}
		if ended := m.Ended[id]; ended < e.least*n.Families() || ended > e.most*n.Families() {
			return fmt.Errorf("the history has %d ended leases of %s, want %d to %d times %d; it holds %v",
				ended, id, e.least, e.most, n.Families(), h[id])
		}
	}
	if n.Keys["reuseAfter"] == nil {
		return nil
	}
	for _, addr := range p.warm {
		if !slices.Contains(m.Cooling, addr) {
			return fmt.Errorf("%s was released, and does not cool", addr)
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
	m.promises.warm = nil
	return nil
}

func (e leased) apply(m *moment) error {
	addrs := slices.SortedFunc(slices.Values(e.addrs), netip.Addr.Compare)
	m.promises.claims[e.id] = claim{addrs: addrs, must: true}
	return nil
}

func (e releasing) apply(m *moment) error {
	for _, id := range e.ids {
		c, ok := m.promises.claims[id]
		if !ok {
			continue
		}
		if !c.ending {
			n := m.promises.ends[id]
			n.most++
			m.promises.ends[id] = n
		}
		m.promises.claims[id] = claim{addrs: c.addrs, ending: true, held: c.held || c.must}
	}
	return nil
}

func (e released) apply(m *moment) error {
	for _, id := range e.ids {
		c := m.promises.claims[id]
		delete(m.promises.claims, id)
		if c.held && !m.promises.kinds[config.Files] {
			n := m.promises.ends[id]
			n.least++
			m.promises.ends[id] = n
			m.promises.warm = append(m.promises.warm, c.addrs...)
		}
	}
	return nil
}

func (e moving) apply(m *moment) error {
	m.promises.kinds[e.to] = true
	if e.to == config.Files {
		for id, n := range m.promises.ends {
			m.promises.ends[id] = ends{most: n.most}
		}
		m.promises.warm = nil
	}
	return nil
}

func (e moved) apply(m *moment) error {
	m.promises.kinds = map[string]bool{e.to: true}
	return nil
}
