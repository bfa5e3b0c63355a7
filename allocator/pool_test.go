package allocator_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
)

func newSet(t *testing.T, ranges ...allocator.Range) allocator.Set {
	t.Helper()
	s, err := allocator.NewSet(ranges...)
	require.NoError(t, err)
	return s
}

func newPool(t *testing.T, sets ...allocator.Set) allocator.Pool {
	t.Helper()
	p, err := allocator.NewPool(sets...)
	require.NoError(t, err)
	return p
}

// subrange returns the range of a subnet from first to last.
func subrange(t *testing.T, in, first, last string) allocator.Range {
	t.Helper()
	return newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix(in), First: addr(first), Last: addr(last)})
}

func TestNewSet(t *testing.T) {
	s := newSet(t, subnet(t, "10.0.1.0/24"), subrange(t, "10.0.0.0/24", "10.0.0.5", "10.0.0.5"))
	require.Equal(t, "10.0.1.1-10.0.1.254,10.0.0.5-10.0.0.5", s.String())
	require.EqualValues(t, 254, s.Size())
	require.True(t, s.Is4())
	require.False(t, newSet(t, subnet(t, "fd00::/64")).Is4())
	require.True(t, s.Contains(addr("10.0.1.1")), "gateways are in the set")
	require.False(t, s.Contains(addr("10.0.0.6")))
	require.False(t, s.Contains(netip.Addr{}))

	ranges := s.Ranges()
	require.Len(t, ranges, 2)
	ranges[0] = ranges[1]
	require.Equal(t, "10.0.1.1-10.0.1.254", s.Ranges()[0].String(), "a caller cannot change the set")
}

func TestSizesSaturate(t *testing.T) {
	r := newRange(t, allocator.RangeSpec{
		Subnet: netip.MustParsePrefix("fd00::/63"), Exclude: []allocator.Span{span(t, "fd00:0:0:1::")},
	})
	require.EqualValues(t, uint64(math.MaxUint64), r.Size(), "two spans of nearly 2^64 each")
	require.EqualValues(t, uint64(math.MaxUint64), newSet(t, subnet(t, "fd00::/64"), subnet(t, "fd01::/64")).Size())
}

func TestNewSetRejects(t *testing.T) {
	_, err := allocator.NewSet()
	require.EqualError(t, err, "empty range set")

	_, err = allocator.NewSet(subnet(t, "10.0.0.0/24"), subnet(t, "fd00::/64"))
	require.EqualError(t, err, "mixed address families")

	low, high := subrange(t, "10.0.0.0/24", "10.0.0.5", "10.0.0.9"), subrange(t, "10.0.0.0/24", "10.0.0.9", "10.0.0.12")
	whole := subnet(t, "10.0.0.0/24")
	for _, pair := range [][2]allocator.Range{{low, high}, {high, low}, {whole, low}, {low, whole}, {low, low}} {
		_, err = allocator.NewSet(subnet(t, "10.0.1.0/24"), pair[0], pair[1])
		require.EqualError(t, err, "subnets "+pair[0].String()+" and "+pair[1].String()+" overlap")
	}
	newSet(t, low, subrange(t, "10.0.0.0/24", "10.0.0.10", "10.0.0.12"))
}

func TestNewPool(t *testing.T) {
	four, six := newSet(t, subnet(t, "10.0.0.0/24")), newSet(t, subnet(t, "fd00::/64"))
	p := newPool(t, four, six)
	require.Equal(t, []allocator.Set{four, six}, p.Sets())
	require.True(t, p.Contains(addr("fd00::1")))
	require.False(t, p.Contains(addr("10.0.1.1")))

	_, err := allocator.NewPool()
	require.EqualError(t, err, "no IP ranges specified")

	more := newSet(t, subnet(t, "10.0.1.0/24"), subrange(t, "10.0.0.0/16", "10.0.0.200", "10.0.0.210"))
	_, err = allocator.NewPool(six, four, more)
	require.EqualError(t, err, "range set 1 overlaps with 2")
	_, err = allocator.NewPool(six, four, newSet(t, subnet(t, "10.9.0.0/24")), six)
	require.EqualError(t, err, "range set 0 overlaps with 3")
}
