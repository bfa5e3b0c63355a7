package dump

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
	"github.com/leasehold/leasehold/internal/config"
)

// decodeHeader checks the version first, because it determines the meaning of the other
// keys.
func decodeHeader(o *object) (*Network, error) {
	version, ok := o.number("leasehold")
	switch {
	case o.err != nil:
		return nil, o.err
	case !ok:
		return nil, errors.New(`want the header of a network, {"leasehold":1,"network":…}`)
	case version < 1 || version > Version:
		return nil, fmt.Errorf("version %d of the format is not supported, want versions 1 to %d", version, Version)
	}
	n := &Network{version: version, Name: o.text("network"), Store: o.text("store")}
	n.LastSearch = o.name("boot", "bootBytes")
	if version > 1 { // Version 1 has no history.
		if gap, ok := o.number("historyGapUnix"); ok {
			n.Gap = time.Unix(gap, 0).UTC()
		}
	}
	n.Cursors = o.cursors()
	n.Membership, n.blockCount = decodeMember(o)
	if err := o.done(); err != nil {
		return nil, err
	}
	return n, checkHeader(n.Name, n.Store, n.Content)
}

func (o *object) cursors() map[string]netip.Addr {
	value := o.take("cursors")
	if value == nil {
		return nil
	}
	var of object
	if err := of.parse(value); err != nil || len(of.fields) == 0 {
		return keep[map[string]netip.Addr](o, "cursors", nil, err)
	}
	cursors := make(map[string]netip.Addr)
	for _, f := range of.fields {
		set := string(f.key)
		cursors[set] = of.addr(set)
	}
	return keep(o, "cursors", cursors, of.done())
}

// decodeLease decodes the next lease of n.
func decodeLease(o *object, n *Network) (backend.Lease, error) {
	l, err := takeLease(o, n)
	if err != nil {
		return l, err
	}
	if err := l.Validate(); err != nil {
		return l, err
	}
	return l, n.read.add(l.Addr)
}

// decodeEnded decodes the next ended lease of n.
func decodeEnded(o *object, n *Network) (e backend.Ended, err error) {
	if n.version < 2 {
		return e, fmt.Errorf("an ended lease, in version %d of the format", n.version)
	}
	e.Until, e.Cause = o.time("until", "untilUnix"), o.cause()
	if e.Lease, err = takeLease(o, n); err != nil {
		return e, err
	}
	n.ended++
	return e, e.Validate()
}

func (o *object) cause() backend.Cause {
	if !o.has("cause") {
		return keep(o, "cause", backend.UnknownCause, errors.New(`an ended lease needs one; if it is not known: "unknown"`))
	}
	text := o.text("cause")
	for _, c := range backend.Causes() {
		if c.String() == text {
			return c
		}
	}
	return keep(o, "cause", backend.UnknownCause, fmt.Errorf("unknown value %q", text))
}

// takeLease takes the fields of a lease.
func takeLease(o *object, n *Network) (backend.Lease, error) {
	network := o.text("network")
	l := backend.Lease{
		Addr:  o.addr("address"),
		Owner: backend.Owner{ContainerID: o.name("containerID", "containerIDBytes"), IfName: o.name("ifname", "ifnameBytes")},
		Since: o.time("since", "sinceUnix"),
		Boot:  o.name("boot", "bootBytes"),
		Pod:   backend.Pod{Namespace: o.name("podNamespace", "podNamespaceBytes"), Name: o.name("podName", "podNameBytes")},
		Netns: o.name("netns", "netnsBytes"),
	}
	switch {
	case o.done() != nil:
		return l, o.done()
	case network != n.Name:
		return l, fmt.Errorf("network %q: want %s, which has not ended yet", network, n.Name)
	}
	return l, nil
}

// A sequence checks that leases are in ascending order of address.
type sequence struct {
	count int
	last  netip.Addr
}

// add counts a lease of addr, which must be greater than the one before. So no address is
// leased twice.
func (s *sequence) add(addr netip.Addr) error {
	if s.count > 0 && s.last.Compare(addr) >= 0 {
		return fmt.Errorf("%s comes after %s: leases must be in ascending order, and each address leased once", addr, s.last)
	}
	s.count++
	s.last = addr
	return nil
}

func decodeEnd(o *object, n *Network) error {
	network := o.text("end")
	leases, ok := o.number("leases")
	ended, _ := o.number("ended") // absent if there are none
	switch {
	case o.done() != nil:
		return o.done()
	case network != n.Name:
		return fmt.Errorf("end of network %q: want %s", network, n.Name)
	case !ok:
		return errors.New("the number of leases is missing")
	case leases != int64(n.read.count):
		return fmt.Errorf("network %s had %d leases when it was written, but the file has %d", n.Name, leases, n.read.count)
	case ended != int64(n.ended):
		return fmt.Errorf("network %s had %d ended leases when it was written, but the file has %d", n.Name, ended, n.ended)
	}
	return nil
}

// checkHeader returns an error unless a header can have these values.
func checkHeader(network, store string, c backend.Content) error {
	if err := config.CheckName(network); err != nil {
		return err
	}
	switch store {
	case "", config.Files, config.Bolt:
	default:
		return fmt.Errorf("store %q: want %s or %s", store, config.Files, config.Bolt)
	}
	if err := storekit.CheckBoot(c.LastSearch); err != nil {
		return fmt.Errorf("boot %q: %w", c.LastSearch, err)
	}
	for set, addr := range c.Cursors {
		if err := backend.ValidateSet(set); err != nil {
			return err
		}
		if err := backend.ValidateAddr(addr); err != nil {
			return fmt.Errorf("cursor of range set %s: %w", set, err)
		}
	}
	return storekit.CheckShared(c)
}
