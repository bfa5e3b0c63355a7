package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/leasehold/leasehold/allocator"
)

// A rangeSet is a range set and its key in the configuration.
type rangeSet struct {
	key   string
	specs []allocator.RangeSpec
}

// rangeSets returns the configured range sets in the order in which they give addresses:
// first the sets from the runtime, then the single range in ipam itself, then ipam.ranges.
func (c *rawConfig) rangeSets() ([]rangeSet, error) {
	var p rangeParser
	sets := p.sets("runtimeConfig.ipRanges", c.IPRanges)
	own := p.spec("ipam", c.IPAM.rawRange)
	listed := p.sets("ipam.ranges", c.IPAM.Ranges)
	for _, set := range slices.Concat(sets, listed) {
		set.exclude(own.Exclude)
	}
	if own.Subnet.IsValid() {
		sets = append(sets, rangeSet{"ipam", []allocator.RangeSpec{own}})
	}
	return append(sets, listed...), p.err
}

func (s rangeSet) exclude(spans []allocator.Span) {
	for i := range s.specs {
		s.specs[i].Exclude = append(s.specs[i].Exclude, spans...)
	}
}

// indexed returns the key of an item. Unlike fmt.Sprintf it costs an ADD nothing.
func indexed(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// A rangeParser parses values and keeps the first error.
type rangeParser struct{ err error }

func (p *rangeParser) sets(key string, raw list[list[rawRange]]) []rangeSet {
	sets := make([]rangeSet, len(raw))
	for i, ranges := range raw {
		set := rangeSet{key: indexed(key, i)}
		for j, r := range ranges {
			set.specs = append(set.specs, p.spec(indexed(set.key, j), r))
		}
		sets[i] = set
	}
	return sets
}

func (p *rangeParser) spec(key string, r rawRange) allocator.RangeSpec {
	first, last := p.ends(key, r)
	spec := allocator.RangeSpec{
		Subnet:    p.subnet(key, r),
		First:     first,
		Last:      last,
		NoGateway: r.Gateway == "none",
		Exclude:   p.spans(key+".exclude", r.Exclude),
	}
	if !spec.NoGateway {
		spec.Gateway = p.addr(key+".gateway", r.Gateway)
	}
	return spec
}

// subnet clears host bits only in a range with the keys of 2015, when a subnet could be
// written as any of its addresses.
func (p *rangeParser) subnet(key string, r rawRange) netip.Prefix {
	if !r.Subnet.present {
		return netip.Prefix{}
	}
	subnet, ok := parseCIDR(r.Subnet.text)
	if !ok {
		p.fail(adviseSubnet(r.Subnet.text),
			"invalid CIDR address: %s (%s.subnet)", r.Subnet.text, key)
	}
	if r.is2015() {
		return subnet.Masked()
	}
	return subnet
}

// ends returns the ends of a range, from either pair of keys.
func (p *rangeParser) ends(key string, r rawRange) (first, last netip.Addr) {
	if !r.is2015() {
		return p.addr(key+".rangeStart", r.RangeStart), p.addr(key+".rangeEnd", r.RangeEnd)
	}
	if r.RangeStart != "" || r.RangeEnd != "" {
		p.fail("use rangeStart and rangeEnd only", "%s has both range-start %q, range-end %q and rangeStart %q, rangeEnd %q",
			key, r.OldStart, r.OldEnd, r.RangeStart, r.RangeEnd)
	}
	return p.addr(key+".range-start", r.OldStart), p.addr(key+".range-end", r.OldEnd)
}

// addr parses an address; an empty text gives the zero address.
func (p *rangeParser) addr(key, text string) netip.Addr {
	addr, ok := parseAddr(text)
	if !ok && text != "" {
		p.fail(adviseAddr(text), "invalid IP address: %s (%s)", text, key)
	}
	return addr
}

func (p *rangeParser) spans(key string, texts []string) []allocator.Span {
	var spans []allocator.Span
	for i, text := range texts {
		span, err := allocator.ParseSpan(text)
		if err != nil {
			p.fail("write 10.1.2.3, 10.1.2.0/28 or 10.1.2.3-10.1.2.7", "%s[%d]: %s", key, i, err)
		}
		spans = append(spans, span)
	}
	return spans
}

func (p *rangeParser) fail(advice, format string, args ...any) {
	if p.err == nil {
		p.err = invalid(advice, format, args...)
	}
}

// newPool makes the pool of the configured sets.
func newPool(sets []rangeSet) (allocator.Pool, error) {
	if len(sets) == 0 {
		return allocator.Pool{}, &Error{ErrNoRanges, "no IP ranges specified", `add "ranges": [[{"subnet": "10.1.2.0/24"}]] to ipam`}
	}
	made := make([]allocator.Set, len(sets))
	for i, set := range sets {
		var err error
		if made[i], err = newSet(set.specs); err != nil {
			return allocator.Pool{}, set.explain(i, err)
		}
	}
	pool, err := allocator.NewPool(made...)
	if overlap := (*allocator.OverlapError)(nil); errors.As(err, &overlap) {
		i, j := overlap.First, overlap.Second
		return allocator.Pool{}, invalid("change the range sets so that they do not overlap", "%s: %s has %s, %s has %s",
			err, sets[i].key, made[i], sets[j].key, made[j])
	}
	return pool, err
}

// explain returns an error about the set with index i that names its key.
func (s rangeSet) explain(i int, err error) error {
	advice := "correct the ranges in " + s.key
	if overlap := (*allocator.OverlapError)(nil); errors.As(err, &overlap) {
		advice = fmt.Sprintf("correct %s[%d] or %[1]s[%[3]d] so that they do not overlap", s.key, overlap.First, overlap.Second)
	}
	if errors.Is(err, allocator.ErrMixedFamilies) {
		advice = fmt.Sprintf(`%s; use one set for each family, as in "ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64"}]]`, advice)
	}
	return invalid(advice, "invalid range set %d: %s", i, err)
}

func newSet(specs []allocator.RangeSpec) (allocator.Set, error) {
	ranges := make([]allocator.Range, len(specs))
	for i, spec := range specs {
		r, err := allocator.NewRange(spec)
		if err != nil {
			return allocator.Set{}, err
		}
		ranges[i] = r
	}
	return allocator.NewSet(ranges...)
}
