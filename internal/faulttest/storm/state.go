package storm

// most is how many addresses of each family a pool of a [History] can have. Containers
// have the bits of a number.
const (
	most     = 16
	families = 2
)

// A state is what a pool holds, and where its turn is. It is comparable.
type state struct {
	holder holders
	cursor [families]int8 // the address that was leased last
}

// Holders are a container, from 1, or 0 for each address.
type holders [families][most]int8

// minus returns those who hold in h what nobody holds in after.
func (h holders) minus(after holders) holders {
	for f := range h {
		for a := range h[f] {
			if after[f][a] != 0 {
				h[f][a] = 0
			}
		}
	}
	return h
}

// Addresses are one of each family, by their place in the range; none is -1.
type addresses [families]int8

// lease returns the state with addresses leased to a container.
func (s state) lease(who int8, addrs addresses) state {
	for f, a := range addrs {
		if a >= 0 {
			s.holder[f][a] = who
		}
	}
	return s
}

// at returns the state with the cursors at addresses.
func (s state) at(addrs addresses) state {
	for f, a := range addrs {
		if a >= 0 {
			s.cursor[f] = a
		}
	}
	return s
}

// without returns the state after a release of what some containers hold.
func (s state) without(is func(who int8) bool) state {
	for f := range s.holder {
		for a, who := range s.holder[f] {
			if who != 0 && is(who) {
				s.holder[f][a] = 0
			}
		}
	}
	return s
}

// has returns what a container holds.
func (s state) has(who int8) (addrs addresses, ok bool) {
	addrs = addresses{-1, -1}
	for f := range s.holder {
		for a, holder := range s.holder[f] {
			if holder == who {
				addrs[f], ok = int8(a), true
			}
		}
	}
	return addrs, ok
}

// passes reports whether a CHECK has to succeed.
func (s state) passes(c call) bool {
	for f, a := range c.addrs {
		if a >= 0 && s.holder[f][a] != c.who {
			return false
		}
	}
	_, ok := s.has(c.who)
	return ok
}
