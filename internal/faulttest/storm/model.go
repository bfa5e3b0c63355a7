package storm

import (
	"hash/maphash"

	"github.com/anishathalye/porcupine"
)

// A model is a sequential pool.
type model struct {
	size     int
	families int
	repeat   bool // a repeated ADD returns the addresses that the container holds

	// cools means that an address that was leased before is leased again only if no other is
	// free, and then the one that was released first.
	cools bool

	// withholds means that an address that was leased before is not leased again.
	withholds bool

	// prefers means that an ADD leases, of each family, the address that the pod had last of those that
	// are free. An address that cools is free for the pod that released it last.
	prefers bool

	// anyFree lets an ADD lease any free address, wherever the cursor is.
	anyFree bool

	// cursorIsHint means that a killed ADD may lease an address without moving the cursor.
	cursorIsHint bool
}

// empty returns the state of a new pool: the next address is the first one.
func (m model) empty() state {
	return state{cursor: [families]int8{int8(m.size - 1), int8(m.size - 1)}}
}

// step returns the states that are possible after a call with this outcome; an impossible
// outcome has no such state.
func (m model) step(s state, c call, o outcome) []state {
	if o.killed {
		return append(m.done(s, c), s)
	}
	if o.code == tryAgain {
		return []state{s}
	}
	switch c.command {
	case "ADD":
		return m.add(s, c, o)
	case "CHECK":
		return only(s, o.code == missing && !s.passes(c) || o.code == succeeded && s.passes(c))
	case "LIST":
		return only(s, o.held == s.holder)
	}
	after := m.done(s, c)[0]
	return only(after, o.code == succeeded && (!o.hasHeld || s.holder.minus(after.holder) == o.held))
}

func only(s state, possible bool) []state {
	if possible {
		return []state{s}
	}
	return nil
}

// done returns the possible states after a call that was performed, whatever its outcome.
func (m model) done(s state, c call) []state {
	switch c.command {
	case "ADD":
		return m.leases(s, c)
	case "DEL":
		return m.released(s, func(number int8) bool { return number == c.container })
	case "GC":
		return m.released(s, func(number int8) bool { return c.valid&(1<<number) == 0 })
	}
	return []state{s}
}

// released returns the only possible state without the leases of some containers.
func (m model) released(s state, is func(number int8) bool) []state {
	after := s.without(is)
	if m.cools {
		after = after.cool(s)
	}
	if m.prefers {
		after = after.remember(s)
	}
	return []state{after}
}

func (m model) add(s state, c call, o outcome) []state {
	if has, ok := s.has(c.container); ok {
		if m.repeat {
			return only(s, o.code == succeeded && o.addrs == has)
		}
		return only(s, o.code == duplicate)
	}
	addrs, inTurn, ok := m.choose(s, c.container)
	switch {
	case !ok:
		return only(s, o.code == exhausted)
	case o.code != succeeded:
		return nil
	case m.anyFree:
		return only(s.lease(c.container, o.addrs), m.areFree(s, o.addrs))
	}
	return only(s.lease(c.container, addrs).at(inTurn), o.addrs == addrs)
}

// choose returns the addresses that an ADD leases: of each family the preferred one, or else the next
// one in turn, which the cursor follows.
func (m model) choose(s state, container int8) (addrs, inTurn addresses, ok bool) {
	addrs, inTurn = addresses{-1, -1}, addresses{-1, -1}
	for f := range m.families {
		if addrs[f], ok = m.preferred(s, podOf(container), f); ok {
			continue
		}
		if addrs[f], ok = m.nextOf(s, f); !ok {
			return addrs, inTurn, false
		}
		inTurn[f] = addrs[f]
	}
	return addrs, inTurn, true
}

// preferred returns the address of a family that a pod has had last, of those that are free or that cool
// because this pod has released them.
func (m model) preferred(s state, pod int8, f int) (a int8, ok bool) {
	for _, past := range s.had[pod] {
		if !m.prefers || past == 0 || int(past-1)/maxAddresses != f {
			continue
		}
		a = (past - 1) % maxAddresses
		cools := s.cooling[f][a] != 0
		if s.holder[f][a] == 0 && (!cools || s.releasedBy[f][a] == pod && !m.withholds) {
			return a, true
		}
	}
	return -1, false
}

// nextOf returns the next free address in order, starting after the cursor.
func (m model) nextOf(s state, f int) (next int8, ok bool) {
	next = -1
	for i := range m.size {
		a := int8((int(s.cursor[f]) + 1 + i) % m.size)
		switch {
		case s.holder[f][a] != 0:
		case s.cooling[f][a] == 0:
			return a, true
		case m.withholds:
		case next < 0 || s.cooling[f][a] < s.cooling[f][next]:
			next = a
		}
	}
	return next, next >= 0
}

func (m model) areFree(s state, addrs addresses) bool {
	for f := range m.families {
		if a := addrs[f]; a < 0 || s.holder[f][a] != 0 {
			return false
		}
	}
	return true
}

// leases returns the states that a killed ADD may leave.
func (m model) leases(s state, c call) []state {
	addrs, next, ok := m.choose(s, c.container)
	if _, has := s.has(c.container); has || !ok {
		return []state{s}
	}
	if m.anyFree {
		return m.anyLeases(s, c.container)
	}
	after := s.lease(c.container, addrs)
	states := []state{after.at(next)}
	if m.cursorIsHint { // The cursors are written one by one, in any order.
		for _, at := range []addresses{{-1, -1}, {next[0], -1}, {-1, next[1]}} {
			states = append(states, after.at(at))
		}
	}
	return states
}

func (m model) anyLeases(s state, number int8) (states []state) {
	for i := range m.size {
		for j := range m.size {
			addrs := addresses{int8(i), int8(j)}
			if m.families == 1 {
				addrs[1] = -1
			}
			if m.areFree(s, addrs) && (j == 0 || m.families == 2) {
				states = append(states, s.lease(number, addrs))
			}
		}
	}
	return states
}

// porcupine returns the model in the form that porcupine needs.
func (m model) porcupine() porcupine.Model {
	seed := maphash.MakeSeed()
	n := porcupine.NondeterministicModel{
		Init: func() []any { return []any{m.empty()} },
		Step: func(s, in, out any) []any {
			var after []any
			for _, s := range m.step(s.(state), in.(call), out.(outcome)) {
				after = append(after, s)
			}
			return after
		},
		Hash:              func(s any) uint64 { return maphash.Comparable(seed, s.(state)) },
		DescribeOperation: func(in, out any) string { return describe(in.(call), out.(outcome)) },
		DescribeState:     func(s any) string { return s.(state).describe(m) },
	}
	return n.ToModel()
}
