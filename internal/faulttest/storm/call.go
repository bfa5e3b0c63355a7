package storm

import (
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A call is the start of an operation, as the model sees it.
type call struct {
	command   string
	container int8      // its number, from 1
	addrs     addresses // the prevResult of CHECK
	valid     uint64    // the valid attachments of GC: a bit for each container
}

// An outcome is the end of an operation.
type outcome struct {
	killed  bool
	code    uint
	addrs   addresses // leased by an ADD
	held    holders   // found by LIST, or released by DEL or GC if hasHeld is set
	hasHeld bool
}

// podOf returns the number of a container's pod, from 0. Each pod has two containers, which can be there
// at once, as when a new one is started before the old one has gone.
func podOf(container int8) int8 { return (container - 1) / 2 }

// containerID returns the ID of a container, which begins with its pod.
func containerID(number int8) string {
	return fmt.Sprintf("pod-%02d.container-%02d", podOf(number), number)
}

// containerNumber returns the number of a container ID, or 0 if there is none.
func containerNumber(id string) (number int8) {
	for number := range int8(64) {
		if containerID(number) == id {
			return number
		}
	}
	return 0
}

// callOf returns a request as a call.
func callOf(n faulttest.Network, r request) (call, error) {
	c := call{command: r.command, container: containerNumber(r.id)}
	for _, id := range r.valid {
		c.valid |= 1 << containerNumber(id)
	}
	var err error
	c.addrs, err = offsetsOf(n, r.addrs)
	return c, err
}

// outcomeOf returns an answer as an outcome.
func outcomeOf(n faulttest.Network, a answer) (outcome, error) {
	o := outcome{killed: a.killed, code: a.code, hasHeld: a.hasHeld}
	for id, addrs := range a.held {
		for _, addr := range addrs {
			offset, err := offsetOf(n, addr)
			if err != nil {
				return o, err
			}
			o.held[family(addr)][offset] = containerNumber(id)
		}
	}
	var err error
	o.addrs, err = offsetsOf(n, a.addrs)
	return o, err
}

// offsetsOf returns the offsets of addresses in their ranges.
func offsetsOf(n faulttest.Network, addrs []netip.Addr) (addresses, error) {
	offsets := addresses{-1, -1}
	for _, addr := range addrs {
		offset, err := offsetOf(n, addr)
		if err != nil || offsets[family(addr)] >= 0 {
			return offsets, fmt.Errorf("%v are not the addresses of one container: %w", addrs, err)
		}
		offsets[family(addr)] = offset
	}
	return offsets, nil
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return 0
	}
	return 1
}

// offsetOf returns the offset of an address in its range. The last byte of the first
// address is 10.
func offsetOf(n faulttest.Network, addr netip.Addr) (int8, error) {
	bytes := addr.AsSlice()
	offset := int(bytes[len(bytes)-1]) - 10
	if offset < 0 || offset >= n.Size {
		return 0, fmt.Errorf("%s is not in the pool", addr)
	}
	return int8(offset), nil
}
