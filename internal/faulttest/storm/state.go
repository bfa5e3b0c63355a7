package storm

import (
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// maxAddresses is the maximum number of addresses of each family in the pool of a
// [History]. Container numbers must fit into a bit set.
const (
	maxAddresses = 16
	families     = 2

	spareContainers = 4 // of a history: how many more containers there are than addresses
	maxPods         = (maxAddresses + spareContainers) / 2
)

// A state is the content of a pool and the position of its cursors. It is comparable.
type state struct {
	holder holders
	cursor [families]int8 // the last address leased

	// cooling numbers the cooling addresses from 1 in the order of their release; 0: not cooling.
	cooling [families][maxAddresses]int8

	// had has the addresses that each pod has released, the last one first, as offset +
	// maxAddresses*family + 1; then 0.
	had [maxPods][backend.PodAddrs]int8

	releasedBy [families][maxAddresses]int8 // the pod that released each address last
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
			s = s.endCooling(f, a)
		}
	}
	return s
}

func (s state) endCooling(f int, a int8) state {
	was := s.cooling[f][a]
	s.cooling[f][a] = 0
	for other, n := range s.cooling[f] {
		if was > 0 && n > was {
			s.cooling[f][other]--
		}
	}
	return s
}

// cool returns the state with those addresses cooling that are held in before and not in s. Of
// several that are released at once, the lowest comes first.
func (s state) cool(before state) state {
	for f := range s.holder {
		last := slices.Max(s.cooling[f][:])
		for a, number := range s.holder[f] {
			if number == 0 && before.holder[f][a] != 0 {
				last++
				s.cooling[f][a] = last
			}
		}
	}
	return s
}

// remember returns the state with those addresses as past ones of their pods that are held in before and
// not in s. Of several that are released at once, the highest is the last.
func (s state) remember(before state) state {
	for f := range s.holder {
		for a, number := range s.holder[f] {
			if number == 0 && before.holder[f][a] != 0 {
				pod := podOf(before.holder[f][a])
				s.releasedBy[f][a] = pod
				s.toFront(pod, int8(a+maxAddresses*f+1))
			}
		}
	}
	return s
}

// toFront makes an address the last that a pod has released. If there are too many, the first one is
// forgotten.
func (s *state) toFront(pod, addr int8) {
	had := &s.had[pod]
	end := slices.Index(had[:], addr)
	if end < 0 {
		end = len(had) - 1
	}
	copy(had[1:end+1], had[:end])
	had[0] = addr
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
