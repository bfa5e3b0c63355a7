package interop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// A shape has the ranges of a network: a list for each range set. Its subnets do not
// overlap.
type shape [][]ipRange

type ipRange struct {
	Subnet  netip.Prefix `json:"subnet"`
	First   string       `json:"rangeStart,omitempty"`
	Last    string       `json:"rangeEnd,omitempty"`
	Gateway string       `json:"gateway,omitempty"`
}

// randomShape returns a network small enough to be exhausted.
func randomShape(rng *rand.Rand) shape {
	var s shape
	for i := range 1 + rng.IntN(3) {
		is6 := rng.IntN(3) == 0
		var set []ipRange
		for j := range 1 + rng.IntN(3) {
			set = append(set, randomRange(rng, subnet(rng, is6, i, j)))
		}
		s = append(s, set)
	}
	return s
}

// subnet returns a subnet of 8 to 32 addresses.
func subnet(rng *rand.Rand, is6 bool, i, j int) netip.Prefix {
	text, bits := fmt.Sprintf("10.%d.%d.%d", i, j, 32*rng.IntN(8)), 27+rng.IntN(3)
	if is6 {
		text, bits = fmt.Sprintf("fd00:%d:%d::%x0", i, j, 2*rng.IntN(8)), 123+rng.IntN(3)
	}
	return netip.PrefixFrom(netip.MustParseAddr(text), bits)
}

// randomRange leaves ends and gateway to the plugin half of the time. The ends may be the
// network and broadcast address, or one address; the gateway may be outside the range and,
// rarely, outside the subnet.
func randomRange(rng *rand.Rand, p netip.Prefix) ipRange {
	addrs := addrsOf(p)
	n := len(addrs)
	first, last := rng.IntN(n/2), n/2+rng.IntN(n/2)
	if rng.IntN(12) == 0 {
		first = last
	}
	r := ipRange{Subnet: p}
	if rng.IntN(2) == 0 {
		r.First, r.Last = addrs[first].String(), addrs[last].String()
	} else if rng.IntN(2) == 0 {
		r.Last = addrs[last].String()
	}
	switch rng.IntN(8) {
	case 0, 1:
		r.Gateway = addrs[rng.IntN(n)].String()
	case 2:
		r.Gateway = addrs[n-1].Next().String()
	}
	return r
}

// addrsOf returns all addresses of a small subnet.
func addrsOf(p netip.Prefix) []netip.Addr {
	var addrs []netip.Addr
	for addr := p.Addr(); p.Contains(addr); addr = addr.Next() {
		addrs = append(addrs, addr)
	}
	return addrs
}

// json returns the shape as a key of "ipam".
func (s shape) json() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // cannot happen: a shape is valid JSON
	}
	return `"ranges": ` + string(text)
}

// changed returns other ranges of the same subnets, or the same ranges in another order, to
// test leases of earlier ranges.
func (s shape) changed(rng *rand.Rand) shape {
	ranged := rng.IntN(2) == 0
	sets := make(shape, len(s))
	for i, j := range rng.Perm(len(s)) {
		sets[i] = slices.Clone(s[j])
		rng.Shuffle(len(sets[i]), func(a, b int) { sets[i][a], sets[i][b] = sets[i][b], sets[i][a] })
		for k, r := range sets[i] {
			if ranged {
				sets[i][k] = randomRange(rng, r.Subnet)
			}
		}
	}
	return sets
}

// gatewaysInSubnet returns the shape without gateways outside their subnets.
func (s shape) gatewaysInSubnet() shape {
	sets := make(shape, len(s))
	for i, set := range s {
		sets[i] = slices.Clone(set)
		for j, r := range set {
			if !r.Subnet.Contains(r.gateway()) {
				sets[i][j].Gateway = ""
			}
		}
	}
	return sets
}

// set returns the index of the set that has addr in one of its subnets, or -1.
func (s shape) set(addr netip.Addr) int {
	return slices.IndexFunc(s, func(set []ipRange) bool {
		return slices.ContainsFunc(set, func(r ipRange) bool { return r.Subnet.Contains(addr) })
	})
}

// addr returns an address in a random subnet or, rarely, in none.
func (s shape) addr(rng *rand.Rand) netip.Addr {
	if rng.IntN(20) == 0 {
		return netip.MustParseAddr("192.0.2.1")
	}
	set := s[rng.IntN(len(s))]
	addrs := addrsOf(set[rng.IntN(len(set))].Subnet)
	return addrs[rng.IntN(len(addrs))]
}

// inRange reports whether a range of the shape contains addr.
func (s shape) inRange(addr netip.Addr) bool { return s.anyRange(addr, ipRange.contains) }

// isGateway reports whether addr is the gateway of a range that contains it.
func (s shape) isGateway(addr netip.Addr) bool {
	return s.anyRange(addr, func(r ipRange, addr netip.Addr) bool { return r.contains(addr) && r.gateway() == addr })
}

func (s shape) anyRange(addr netip.Addr, is func(ipRange, netip.Addr) bool) bool {
	i := s.set(addr)
	return i >= 0 && slices.ContainsFunc(s[i], func(r ipRange) bool { return is(r, addr) })
}

func (r ipRange) gateway() netip.Addr {
	if r.Gateway != "" {
		return netip.MustParseAddr(r.Gateway)
	}
	return r.Subnet.Addr().Next()
}

// contains fills in missing ends of the range. An IPv6 subnet has no broadcast address.
func (r ipRange) contains(addr netip.Addr) bool {
	addrs := addrsOf(r.Subnet)
	first, last := addrs[1], addrs[len(addrs)-1]
	if last.Is4() {
		last = last.Prev()
	}
	if r.First != "" {
		first = netip.MustParseAddr(r.First)
	}
	if r.Last != "" {
		last = netip.MustParseAddr(r.Last)
	}
	return r.Subnet.Contains(addr) && !addr.Less(first) && !last.Less(addr)
}
