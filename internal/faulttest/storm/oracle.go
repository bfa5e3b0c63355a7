package storm

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A leaseState is what the oracle knows about a container.
type leaseState int

const (
	absent    leaseState = iota // holds nothing
	held                        // holds the addresses that it was answered
	unsure                      // may hold addresses: an ADD or DEL is running, or was killed
	abandoned                   // may hold addresses, and will get no DEL
	swept                       // abandoned, and a GC that does not list it is running
)

// A container is used by one worker, for one request at a time.
type container struct {
	id         string
	leaseState leaseState
	addrs      []netip.Addr // answered to an ADD
	since      int          // when it may first have held addresses; unused while absent
	answers    []string     // of all its operations, for a failure
}

// An oracle tracks what the containers of a storm were answered, and rejects impossible
// answers. Its clock advances with each request and each answer.
type oracle struct {
	mu         sync.Mutex
	clock      int
	network    faulttest.Network
	all        []*container
	holders    map[netip.Addr]string // the container last answered with each address, until its release begins
	holding    []span                // periods in which a container may have held addresses
	refused    []span                // periods of ADDs that found no free address
	migrations []int                 // when each ended or was killed
	report     Report
}

// A span is a period on the oracle's clock, both ends included.
type span struct{ from, to int }

func newOracle(n faulttest.Network, containers int) *oracle {
	g := &oracle{network: n, holders: make(map[netip.Addr]string)}
	g.report = Report{Answers: make(map[string]int), Killed: make(map[string]int)}
	for i := range containers {
		// All IDs have the same length: leasehold gc rejects truncated IDs.
		g.all = append(g.all, &container{id: fmt.Sprintf("container-%04d", i)})
	}
	return g
}

// An operation is a running request.
type operation struct {
	request
	container *container // nil for a GC
	before    leaseState // of the container
	swept     []*container
	began     int
}

// note records an answer in the containers that it concerns.
func (o operation) note(now int, a answer) {
	result := fmt.Sprintf("code %d %v", a.code, a.addrs)
	if a.killed {
		result = "killed"
	}
	concerned := o.swept
	if o.container != nil {
		concerned = []*container{o.container}
	}
	for _, c := range concerned {
		c.answers = append(c.answers, fmt.Sprintf("%d to %d: %s, %s", o.began, now, o.command, result))
	}
}

// usable returns the containers that are not abandoned.
func (g *oracle) usable(containers []*container) []*container {
	g.mu.Lock()
	defer g.mu.Unlock()
	isGone := func(c *container) bool { return c.leaseState == abandoned || c.leaseState == swept }
	return slices.DeleteFunc(slices.Clone(containers), isGone)
}

// begin records the start of an ADD, DEL or CHECK.
func (g *oracle) begin(c *container, command string) operation {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	o := operation{
		request:   request{command: command, id: c.id, addrs: c.addrs},
		container: c, before: c.leaseState, began: g.clock,
	}
	switch {
	case command == "ADD" && c.leaseState == absent:
		c.leaseState, c.since = unsure, g.clock
	case command == "DEL" && c.leaseState == held:
		g.releaseAddrs(c)
		c.leaseState = unsure
	}
	return o
}

// abandon records that a container is gone and will get no DEL.
func (g *oracle) abandon(c *container) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.leaseState != absent {
		c.leaseState = abandoned
	}
}

// beginGC records the start of a GC that releases the addresses of abandoned containers.
func (g *oracle) beginGC() operation {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	o := operation{request: request{command: "GC"}, began: g.clock}
	for _, c := range g.all {
		if c.leaseState != abandoned {
			o.valid = append(o.valid, c.id)
			continue
		}
		g.releaseAddrs(c)
		c.leaseState = swept
		o.swept = append(o.swept, c)
	}
	return o
}

// releaseAddrs records that the addresses of a container may be leased to another from now
// on.
func (g *oracle) releaseAddrs(c *container) {
	for _, addr := range c.addrs {
		if g.holders[addr] == c.id {
			delete(g.holders, addr)
		}
	}
}

// end records the end of an operation and returns an error if its answer is impossible.
func (g *oracle) end(o operation, a answer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	g.report.count(o, a)
	o.note(g.clock, a)
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

// migrated records the end of a migration.
func (g *oracle) migrated(killed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.report.count(operation{request: request{command: "migrate"}}, answer{killed: killed})
	g.migrations = append(g.migrations, g.clock)
}

func (g *oracle) collected(o operation, a answer) error {
	for _, c := range o.swept {
		c.leaseState = abandoned
		if !a.killed {
			g.released(c)
		}
	}
	return o.want(a, succeeded)
}

// released records that a container holds nothing.
func (g *oracle) released(c *container) {
	g.holding = append(g.holding, span{c.since, g.clock})
	c.leaseState, c.addrs = absent, nil
}

func (g *oracle) deleted(o operation, a answer) error {
	if o.before != absent {
		g.released(o.container)
	}
	return o.want(a, succeeded)
}

func (g *oracle) checked(o operation, a answer) error {
	switch {
	case a.code == tryAgain:
		return nil
	case o.before == held:
		return o.want(a, succeeded)
	}
	return o.want(a, missing)
}

func (g *oracle) added(o operation, a answer) error {
	c := o.container
	switch {
	case a.code == tryAgain:
		c.leaseState = o.before
	case o.before == held:
		return o.want(a, duplicate)
	case a.code == exhausted && o.before == absent:
		c.leaseState = absent
		g.refused = append(g.refused, span{o.began, g.clock})
	case a.code == exhausted: // an earlier killed ADD has leased nothing
		g.released(c)
		g.refused = append(g.refused, span{o.began, g.clock})
	case a.code == duplicate && o.before == unsure:
	default:
		return g.leased(o, a)
	}
	return nil
}

// leased records the addresses of a container that held none, as far as is known.
func (g *oracle) leased(o operation, a answer) error {
	if err := o.want(a, succeeded); err != nil {
		return err
	}
	if len(a.addrs) != g.network.Families() {
		return fmt.Errorf("ADD of %s leased %v, want %d addresses", o.id, a.addrs, g.network.Families())
	}
	for _, addr := range a.addrs {
		if other, ok := g.holders[addr]; ok {
			return fmt.Errorf("%s was leased to %s, but %s holds it and was not released", addr, o.id, other)
		}
		g.holders[addr] = o.id
	}
	o.container.leaseState, o.container.addrs = held, slices.Clone(a.addrs)
	return nil
}

// want returns an error if the answer has another code. A killed process may have any.
func (o operation) want(a answer, code uint) error {
	if a.killed || a.code == code {
		return nil
	}
	return fmt.Errorf("%s of %q answered with code %d (%v), want %d", o.command, o.id, a.code, a.addrs, code)
}
