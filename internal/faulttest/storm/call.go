package storm

import (
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A call is an operation as it begins, as the model sees it.
type call struct {
	command string
	who     int8      // container, from 1
	addrs   addresses // what CHECK is told
	valid   uint64    // what GC is told: a bit for each container
}

// An outcome is how it ends.
type outcome struct {
	killed bool
	code   uint
	addrs  addresses // of an ADD
	held   holders   // that LIST has found, or a DEL or GC that tells released
	tells  bool
}

// nameOf returns the ID of a container.
func nameOf(who int8) string { return fmt.Sprintf("container-%02d", who) }

// whoIs returns the container of an ID, or 0 if there is none.
func whoIs(id string) (who int8) {
	for who := range int8(64) {
		if nameOf(who) == id {
			return who
		}
	}
	return 0
}

// callOf returns a request as a call.
func callOf(n faulttest.Network, r request) (call, error) {
	c := call{command: r.command, who: whoIs(r.id)}
	for _, id := range r.valid {
		c.valid |= 1 << whoIs(id)
	}
	var err error
	c.addrs, err = placesOf(n, r.addrs)
	return c, err
}

// outcomeOf returns an answer as an outcome.
func outcomeOf(n faulttest.Network, a answer) (outcome, error) {
	o := outcome{killed: a.killed, code: a.code, tells: a.tells}
	for id, addrs := range a.held {
		for _, addr := range addrs {
			place, err := placeOf(n, addr)
			if err != nil {
				return o, err
			}
			o.held[family(addr)][place] = whoIs(id)
		}
	}
	var err error
	o.addrs, err = placesOf(n, a.addrs)
	return o, err
}

// placesOf returns the places of addresses in their ranges.
func placesOf(n faulttest.Network, addrs []netip.Addr) (addresses, error) {
	places := addresses{-1, -1}
	for _, addr := range addrs {
		place, err := placeOf(n, addr)
		if err != nil || places[family(addr)] >= 0 {
			return places, fmt.Errorf("%v are no addresses of one container: %w", addrs, err)
		}
		places[family(addr)] = place
	}
	return places, nil
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return 0
	}
	return 1
}

// placeOf finds an address in its range, which begins with what ends in 10.
func placeOf(n faulttest.Network, addr netip.Addr) (int8, error) {
	bytes := addr.AsSlice()
	place := int(bytes[len(bytes)-1]) - 10
	if place < 0 || place >= n.Size {
		return 0, fmt.Errorf("%s lies not in the pool", addr)
	}
	return int8(place), nil
}
