package allocator_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend/memory"
)

// A gateway can be outside every range. "In no range" alone would be misleading.
func TestRequestForGatewayOutsideRange(t *testing.T) {
	r, err := allocator.NewRange(allocator.RangeSpec{
		Subnet: netip.MustParsePrefix("10.0.0.0/24"), First: netip.MustParseAddr("10.0.0.10"), Gateway: netip.MustParseAddr("10.0.0.3"),
	})
	require.NoError(t, err)
	set, err := allocator.NewSet(r)
	require.NoError(t, err)
	pool, err := allocator.NewPool(set)
	require.NoError(t, err)
	store := memory.New()
	a := allocator.New(store, pool, allocator.Options{})
	e := refused[*allocator.RequestError](t, store, a, "a", "10.0.0.3")
	require.EqualError(t, e, "failed to allocate all requested IPs: 10.0.0.3 (the gateway)")
}

// No Duplicate policy helps an attachment that asks for another address than the one it
// holds.
func TestDuplicateErrorRequested(t *testing.T) {
	for _, policy := range []allocator.Duplicate{allocator.RefuseDuplicate, allocator.ReturnExisting} {
		store := memory.New()
		a := allocator.New(store, dual(t), allocator.Options{OnDuplicate: policy})
		require.Equal(t, []string{"10.0.0.2/29", "fd00::2/125"}, take(t, a, "a"))
		e := refused[*allocator.DuplicateError](t, store, a, "a", "10.0.0.4")
		require.Equal(t, netip.MustParseAddr("10.0.0.4"), e.Requested)
		require.Equal(t, netip.MustParseAddr("10.0.0.2"), e.Addr)
	}
	store := memory.New()
	a := allocator.New(store, dual(t), allocator.Options{})
	take(t, a, "a")
	require.Zero(t, refused[*allocator.DuplicateError](t, store, a, "a").Requested)
	require.Zero(t, refused[*allocator.DuplicateError](t, store, a, "a", "10.0.0.2").Requested)
}
