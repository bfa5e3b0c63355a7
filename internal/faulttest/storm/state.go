package storm

// maxAddresses is the maximum number of addresses of each family in the pool of a
// [History]. Container numbers must fit into a bit set.
const (
	maxAddresses = 16
	families     = 2
)

// A state is the content of a pool and the position of its cursors. It is comparable.
type state struct {
	holder holders
	cursor [families]int8 // the last address leased
}

// holders has the container number for each address, or 0.
type holders [families][maxAddresses]int8

// minus returns the entries of h whose address is free in after.
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

// addresses are one address of each family, by offset in the range; -1 if there is none.
type addresses [families]int8

// lease returns the state with addresses leased to a container.
func (s state) lease(number int8, addrs addresses) state {
	for f, a := range addrs {
		if a >= 0 {
			s.holder[f][a] = number
		}
	}
	return s
}

// at returns the state with the cursors at addrs.
func (s state) at(addrs addresses) state {
	for f, a := range addrs {
		if a >= 0 {
			s.cursor[f] = a
		}
	}
	return s
}

// without returns the state without the leases of some containers.
func (s state) without(is func(number int8) bool) state {
	for f := range s.holder {
		for a, number := range s.holder[f] {
			if number != 0 && is(number) {
				s.holder[f][a] = 0
			}
		}
	}
	return s
}

// has returns the addresses of a container.
func (s state) has(number int8) (addrs addresses, ok bool) {
	addrs = addresses{-1, -1}
	for f := range s.holder {
		for a, holder := range s.holder[f] {
			if holder == number {
				addrs[f], ok = int8(a), true
			}
		}
	}
	return addrs, ok
}

// passes reports whether a CHECK must succeed.
func (s state) passes(c call) bool {
	for f, a := range c.addrs {
		if a >= 0 && s.holder[f][a] != c.container {
			return false
		}
	}
	_, ok := s.has(c.container)
	return ok
}
