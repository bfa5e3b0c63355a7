package allocator

import (
	"fmt"
	"net"
	"slices"

	"github.com/leasehold/leasehold/allocator"
)

// A RangeSet is to an [allocator.Set] what a Range is to an [allocator.Range].
type RangeSet []Range

// Canonicalize fills in what is missing.
func (s *RangeSet) Canonicalize() error {
	var ranges []allocator.Range
	for _, r := range *s {
		made, err := allocator.NewRange(r.spec())
		if err != nil {
			return err
		}
		ranges = append(ranges, made)
	}
	set, err := allocator.NewSet(ranges...)
	if err == nil {
		*s = rangeSetOf(set)
	}
	return err
}

func rangeSetOf(set allocator.Set) (s RangeSet) {
	for _, r := range set.Ranges() {
		s = append(s, rangeOf(r))
	}
	return s
}

// set returns the ranges as a set. Some tests ignore that Canonicalize fails and use the
// ranges all the same, so host bits are dropped and no gateway is filled in.
func (s *RangeSet) set() allocator.Set {
	var ranges []allocator.Range
	for _, r := range *s {
		spec := r.spec()
		spec.Subnet = spec.Subnet.Masked()
		spec.NoGateway = !spec.Gateway.IsValid()
		ranges = append(ranges, must(allocator.NewRange(spec)))
	}
	return must(allocator.NewSet(ranges...))
}

// must panics if a test uses ranges that no set can be made of; ginkgo reports that as a
// failure of the spec.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Contains reports whether a range of the set contains ip.
func (s *RangeSet) Contains(ip net.IP) bool { return s.set().Contains(addrOf(ip)) }

// RangeFor returns the range that contains ip.
func (s *RangeSet) RangeFor(ip net.IP) (*Range, error) {
	set := s.set()
	contains := func(r allocator.Range) bool { return r.Contains(addrOf(ip)) }
	if i := slices.IndexFunc(set.Ranges(), contains); i >= 0 {
		return &(*s)[i], nil
	}
	return nil, fmt.Errorf("%s not in range set %s", ip, set)
}

// Overlaps reports whether the sets cannot be of one pool.
func (s *RangeSet) Overlaps(other *RangeSet) bool {
	_, err := allocator.NewPool(s.set(), other.set())
	return err != nil
}
