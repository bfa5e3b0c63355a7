package storm

import (
	"hash/maphash"

	"github.com/anishathalye/porcupine"
)

// A model is a pool that does one thing after the other.
type model struct {
	size     int
	families int
	repeat   bool // an ADD returns what the container holds

	// free lets an ADD lease any address that is free, wherever the cursor is.
	free bool

	// hint is that the cursor may not follow what an ADD has leased that was killed.
	hint bool
}

// empty returns the state of a pool of which nothing has been leased: the first address
// comes after the last.
func (m model) empty() state {
	return state{cursor: [families]int8{int8(m.size - 1), int8(m.size - 1)}}
}

// step returns the states that a pool can be in after a call with this outcome. If there
// is none, the outcome is impossible.
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
	return only(after, o.code == succeeded && (!o.tells || s.holder.minus(after.holder) == o.held))
}

func only(s state, possible bool) []state {
	if possible {
		return []state{s}
	}
	return nil
}

// done returns the states after a call that was done, whatever its outcome.
func (m model) done(s state, c call) []state {
	switch c.command {
	case "ADD":
		return m.leases(s, c)
	case "DEL":
		return []state{s.without(func(who int8) bool { return who == c.who })}
	case "GC":
		return []state{s.without(func(who int8) bool { return c.valid&(1<<who) == 0 })}
	}
	return []state{s}
}

func (m model) add(s state, c call, o outcome) []state {
	if has, ok := s.has(c.who); ok {
		if m.repeat {
			return only(s, o.code == succeeded && o.addrs == has)
		}
		return only(s, o.code == duplicate)
	}
	next, ok := m.next(s)
	switch {
	case !ok:
		return only(s, o.code == exhausted)
	case o.code != succeeded:
		return nil
	case m.free:
		return only(s.lease(c.who, o.addrs), m.areFree(s, o.addrs))
	}
	return only(s.lease(c.who, next).at(next), o.addrs == next)
}

// next returns the addresses whose turn it is.
func (m model) next(s state) (next addresses, ok bool) {
	next = addresses{-1, -1}
	for f := range m.families {
		i := 0
		for ; i < m.size; i++ {
			next[f] = int8((int(s.cursor[f]) + 1 + i) % m.size)
			if s.holder[f][next[f]] == 0 {
				break
			}
		}
		if i == m.size {
			return next, false
		}
	}
	return next, true
}

func (m model) areFree(s state, addrs addresses) bool {
	for f := range m.families {
		if a := addrs[f]; a < 0 || s.holder[f][a] != 0 {
			return false
		}
	}
	return true
}

// leases returns the states in which an ADD may leave the pool that was killed.
func (m model) leases(s state, c call) []state {
	next, ok := m.next(s)
	if _, has := s.has(c.who); has || !ok {
		return []state{s}
	}
	if m.free {
		return m.anyLeases(s, c.who)
	}
	after := s.lease(c.who, next)
	states := []state{after.at(next)}
	if m.hint { // The cursors are written one by one, in any order.
		for _, at := range []addresses{{-1, -1}, {next[0], -1}, {-1, next[1]}} {
			states = append(states, after.at(at))
		}
	}
	return states
}

func (m model) anyLeases(s state, who int8) (states []state) {
	for i := range m.size {
		for j := range m.size {
			addrs := addresses{int8(i), int8(j)}
			if m.families == 1 {
				addrs[1] = -1
			}
			if m.areFree(s, addrs) && (j == 0 || m.families == 2) {
				states = append(states, s.lease(who, addrs))
			}
		}
	}
	return states
}

// porcupine returns the model as the checker wants it.
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
