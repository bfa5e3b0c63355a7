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

// set returns the set that the ranges are, which tests use too without a Canonicalize that
// succeeds: then what they say of a range is all that there is of it.
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

// must panics, and the test framework says in which test, where a test goes on with ranges
// that are of no use at all.
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
