// Package whereabouts reads which addresses the IPAM plugin whereabouts has given to pods, from its
// objects in the Kubernetes API, so that they can be reserved ([cluster.Admin.Reserve]). It was
// tried with objects that version 0.9.2 has written.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package whereabouts

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"slices"
	"strings"
)

// An Allocation is an address that a pod has.
type Allocation struct {
	Addr    netip.Addr
	Pod     string // namespace/name
	IfName  string
	Network string // the network_name of the configuration; empty without one
}

// An UnknownError tells of pods whose address the objects do not have.
type UnknownError struct {
	Pods []string // with interface and pool
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("the addresses of %d pods cannot be told, because whereabouts keeps 64 bits of them and has no "+
		"reservation of its own: %s; look them up in the pods, and reserve them by hand", len(e.Pods), strings.Join(e.Pods, ", "))
}

// The kinds of objects that tell of addresses.
const (
	poolKind        = "IPPool"
	reservationKind = "OverlappingRangeIPReservation"

	group = "whereabouts.cni.cncf.io/"
)

// An object is an object of the API, or a list of them.
type object struct {
	APIVersion string
	Kind       string
	Items      []object
	Metadata   struct{ Name string }
	Spec       struct {
		// Of an IPPool: the allocations by their distance from the base of the range, decimal.
		Range       string
		Allocations map[string]owner

		owner // of an OverlappingRangeIPReservation
	}
}

type owner struct {
	PodRef string
	IfName string
}

// Read reads objects of the kinds IPPool and OverlappingRangeIPReservation as kubectl get -A -o json
// prints them: one or several JSON values, each an object or a list. It returns the addresses in ascending order,
// each once for a network. Other kinds of whereabouts are passed over.
//
// If the objects tell that pods have addresses, and not which, Read returns those that it knows and an
// [UnknownError]: pools larger than a /64 keep the lower 64 bits of the distance only, and the
// reservations are missing if overlapping ranges were switched off.
func Read(r io.Reader) ([]Allocation, error) {
	var all []object
	d := json.NewDecoder(r)
	for {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("objects of whereabouts: %w", err)
		}
		if o.Items == nil {
			o.Items = []object{o}
		}
		all = append(all, o.Items...)
	}
	var found reading
	for _, o := range all {
		// Calico has objects of the same kind.
		if o.APIVersion != "" && !strings.HasPrefix(o.APIVersion, group) {
			return nil, fmt.Errorf("object %s is of the kind %s in %s, not in %s; name the kinds with their group", o.Metadata.Name, o.Kind, o.APIVersion, strings.TrimSuffix(group, "/"))
		}
		switch o.Kind {
		case poolKind:
			if err := found.addPool(o); err != nil {
				return nil, err
			}
		case reservationKind, "NodeSlicePool":
		default:
			return nil, fmt.Errorf("object %s is a %q, not an %s or %s of whereabouts", o.Metadata.Name, o.Kind, poolKind, reservationKind)
		}
	}
	for _, o := range all {
		if o.Kind == reservationKind {
			if err := found.addReservation(o); err != nil {
				return nil, err
			}
		}
	}
	return found.result()
}

// A reading is what was found so far.
type reading struct {
	networks  []string
	known     []Allocation
	truncated []truncated // of pools
}

// A truncated is an allocation of which only the lower 64 bits of the distance are known.
type truncated struct {
	pool     netip.Prefix
	distance *big.Int
	Allocation
}

func (r *reading) addPool(o object) error {
	pool, err := netip.ParsePrefix(o.Spec.Range)
	if err != nil {
		return fmt.Errorf("pool %s: range: %w", o.Metadata.Name, err)
	}
	pool = pool.Masked()
	network := strings.TrimSuffix(strings.TrimSuffix(o.Metadata.Name, nameOf(o.Spec.Range)), "-")
	if network == o.Metadata.Name {
		return fmt.Errorf("pool %s: its name does not end in its range %s", o.Metadata.Name, o.Spec.Range)
	}
	if !slices.Contains(r.networks, network) {
		r.networks = append(r.networks, network)
	}
	for text, of := range o.Spec.Allocations {
		distance, ok := new(big.Int).SetString(text, 10)
		if !ok || distance.Sign() < 0 {
			return fmt.Errorf("pool %s: allocation %q is no distance from the base of the range", o.Metadata.Name, text)
		}
		a := Allocation{Pod: of.PodRef, IfName: of.IfName, Network: network}
		if pool.Addr().BitLen()-pool.Bits() > 64 {
			r.truncated = append(r.truncated, truncated{pool, distance, a})
			continue
		}
		if a.Addr, ok = plus(pool.Addr(), distance); !ok || !pool.Contains(a.Addr) {
			return fmt.Errorf("pool %s: allocation %s is not in the range %s", o.Metadata.Name, text, pool)
		}
		r.known = append(r.known, a)
	}
	return nil
}

// addReservation adds an address that is in a name: after the name of a network and a hyphen, with
// hyphens for colons. If the name can be read in several ways, all of them are added.
func (r *reading) addReservation(o object) error {
	name, found := o.Metadata.Name, false
	for _, network := range append(r.networks, "") {
		rest, ok := name, true
		if network != "" {
			rest, ok = strings.CutPrefix(name, network+"-")
		}
		if !ok {
			continue
		}
		addr, err := netip.ParseAddr(rest)
		if err != nil {
			addr, err = netip.ParseAddr(strings.ReplaceAll(rest, "-", ":"))
		}
		if err == nil {
			r.known = append(r.known, Allocation{addr, o.Spec.PodRef, o.Spec.IfName, network})
			found = true
		}
	}
	if !found {
		return fmt.Errorf("reservation %s: no address is in its name", name)
	}
	return nil
}

func (r *reading) result() ([]Allocation, error) {
	var unknown []string
	for _, t := range r.truncated {
		if !slices.ContainsFunc(r.known, t.is) {
			unknown = append(unknown, fmt.Sprintf("%s %s in %s", t.Pod, t.IfName, t.pool))
		}
	}
	slices.SortFunc(r.known, func(a, b Allocation) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Network, b.Network))
	})
	known := slices.CompactFunc(r.known, func(a, b Allocation) bool { return a.Addr == b.Addr && a.Network == b.Network })
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return known, &UnknownError{unknown}
	}
	return known, nil
}

// is reports whether a tells the whole address.
func (t truncated) is(a Allocation) bool {
	if a.Pod != t.Pod || a.IfName != t.IfName || a.Network != t.Network || !t.pool.Contains(a.Addr) {
		return false
	}
	low := new(big.Int).SetBytes(a.Addr.AsSlice())
	low.Sub(low, new(big.Int).SetBytes(t.pool.Addr().AsSlice()))
	low.And(low, new(big.Int).SetUint64(1<<64-1))
	return low.Cmp(t.distance) == 0
}

// plus returns the address at a distance from addr; ok is false if there is none.
func plus(addr netip.Addr, distance *big.Int) (sum netip.Addr, ok bool) {
	n := new(big.Int).SetBytes(addr.AsSlice())
	b := n.Add(n, distance).Bytes()
	size := addr.BitLen() / 8
	if len(b) > size {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(append(make([]byte, size-len(b)), b...))
}

// nameOf is a range as a part of a name.
func nameOf(text string) string {
	return strings.NewReplacer("/", "-", ":", "-").Replace(text)
}
