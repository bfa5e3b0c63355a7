package storm

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A fate is what is known of a container.
type fate int

const (
	absent    fate = iota // it holds nothing
	held                  // it holds what it was told
	unsure                // it may hold something: an ADD or DEL is under way, or was killed
	abandoned             // it may hold something, and is gone: there will be no DEL
	swept                 // the same, and a GC that does not list it is under way
)

// A container is asked for by one worker, one request at a time.
type container struct {
	id    string
	fate  fate
	addrs []netip.Addr // that an ADD was answered with
	since int          // when it began, perhaps, to hold something; of no meaning while it is absent
}

// A register notes what the containers of a storm were promised. Its clock goes on with
// each request, and with each answer.
type register struct {
	mu      sync.Mutex
	clock   int
	network faulttest.Network
	all     []*container
	holders map[netip.Addr]string // who was told last that it holds it, until it was to be released
	holding []span                // in which a container may have held addresses
	refused []span                // in which an ADD found none left
	report  Report
}

// A span is the time of the register's clock from one moment to another, both included.
type span struct{ from, to int }

func newRegister(n faulttest.Network, containers int) *register {
	g := &register{network: n, holders: make(map[netip.Addr]string)}
	g.report = Report{Answers: make(map[string]int), Killed: make(map[string]int)}
	for i := range containers {
		// All as long as each other: the tool takes part of an ID for a mistake.
		g.all = append(g.all, &container{id: fmt.Sprintf("container-%04d", i)})
	}
	return g
}

// An operation is a request under way.
type operation struct {
	request
	container *container // nil for a GC
	before    fate       // of the container
	swept     []*container
	began     int
}

// usable returns those of the containers that are not gone.
func (g *register) usable(containers []*container) []*container {
	g.mu.Lock()
	defer g.mu.Unlock()
	isGone := func(c *container) bool { return c.fate == abandoned || c.fate == swept }
	return slices.DeleteFunc(slices.Clone(containers), isGone)
}

// begin notes that a container is about to be added, deleted or checked.
func (g *register) begin(c *container, command string) operation {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	o := operation{
		request:   request{command: command, id: c.id, addrs: c.addrs},
		container: c, before: c.fate, began: g.clock,
	}
	switch {
	case command == "ADD" && c.fate == absent:
		c.fate, c.since = unsure, g.clock
	case command == "DEL" && c.fate == held:
		g.free(c)
		c.fate = unsure
	}
	return o
}

// abandon notes that a container is gone, and that nobody will release what it holds.
func (g *register) abandon(c *container) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.fate != absent {
		c.fate = abandoned
	}
}

// beginGC notes that what the containers hold that are gone is about to be collected.
func (g *register) beginGC() operation {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	o := operation{request: request{command: "GC"}, began: g.clock}
	for _, c := range g.all {
		if c.fate != abandoned {
			o.valid = append(o.valid, c.id)
			continue
		}
		g.free(c)
		c.fate = swept
		o.swept = append(o.swept, c)
	}
	return o
}

// free notes that from now on the addresses of a container may be leased to another.
func (g *register) free(c *container) {
	for _, addr := range c.addrs {
		if g.holders[addr] == c.id {
			delete(g.holders, addr)
		}
	}
}

// end notes how an operation has ended, and returns what must not have happened.
func (g *register) end(o operation, a answer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	g.report.count(o, a)
	if a.err != nil {
		return fmt.Errorf("%s of %s: %w", o.command, o.id, a.err)
	}
	switch {
	case o.command == "GC":
		return g.collected(o, a)
	case a.killed:
		return nil
	case o.command == "ADD":
		return g.added(o, a)
	case o.command == "DEL":
		return g.deleted(o, a)
	}
	return g.checked(o, a)
}

// migrated notes that a migration has ended.
func (g *register) migrated(killed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.report.count(operation{request: request{command: "migrate"}}, answer{killed: killed})
}

func (g *register) collected(o operation, a answer) error {
	for _, c := range o.swept {
		c.fate = abandoned
		if !a.killed {
			g.gone(c)
		}
	}
	return o.want(a, succeeded)
}

// gone notes that a container is known to hold nothing.
func (g *register) gone(c *container) {
	g.holding = append(g.holding, span{c.since, g.clock})
	c.fate, c.addrs = absent, nil
}

func (g *register) deleted(o operation, a answer) error {
	if o.before != absent {
		g.gone(o.container)
	}
	return o.want(a, succeeded)
}

func (g *register) checked(o operation, a answer) error {
	switch {
	case a.code == tryAgain:
		return nil
	case o.before == held:
		return o.want(a, succeeded)
	}
	return o.want(a, missing)
}

func (g *register) added(o operation, a answer) error {
	c := o.container
	switch {
	case a.code == tryAgain:
		c.fate = o.before
	case o.before == held:
		return o.want(a, duplicate)
	case a.code == exhausted && o.before == absent:
		c.fate = absent
		g.refused = append(g.refused, span{o.began, g.clock})
	case a.code == exhausted: // what was killed before has left it nothing
		g.gone(c)
		g.refused = append(g.refused, span{o.began, g.clock})
	case a.code == duplicate && o.before == unsure:
	default:
		return g.leased(o, a)
	}
	return nil
}

// leased notes which addresses a container holds that held none, as far as it knows.
func (g *register) leased(o operation, a answer) error {
	if err := o.want(a, succeeded); err != nil {
		return err
	}
	if len(a.addrs) != g.network.Families() {
		return fmt.Errorf("ADD of %s leased %v, want %d addresses", o.id, a.addrs, g.network.Families())
	}
	for _, addr := range a.addrs {
		if other, ok := g.holders[addr]; ok {
			return fmt.Errorf("%s is leased to %s, and %s, which has not been released, holds it", addr, o.id, other)
		}
		g.holders[addr] = o.id
	}
	o.container.fate, o.container.addrs = held, slices.Clone(a.addrs)
	return nil
}

// want returns an error unless an answer is the one there had to be.
func (o operation) want(a answer, code uint) error {
	if a.killed || a.code == code {
		return nil
	}
	return fmt.Errorf("%s of %q answered with code %d (%v), want %d", o.command, o.id, a.code, a.addrs, code)
}
