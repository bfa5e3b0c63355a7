package hostlocal

import (
	"net"
	"net/netip"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
)

// The library is the oracle for the versions that encodeNew encodes.
func TestEncodeNewMatchesLibrary(t *testing.T) {
	number := 7
	_, dst, err := net.ParseCIDR("10.1.0.0/16")
	require.NoError(t, err)
	both := []allocator.Assignment{
		{Addr: netip.MustParsePrefix("10.0.0.2/24"), Gateway: netip.MustParseAddr("10.0.0.1")},
		{Addr: netip.MustParsePrefix("fd00::2/64")},
	}
	routes := []*types.Route{
		{Dst: *dst},
		{Dst: *dst, GW: net.ParseIP("10.0.0.9"), MTU: 1400, AdvMSS: 1360, Priority: 5, Table: &number, Scope: &number},
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		for _, got := range [][]allocator.Assignment{both, both[:1], both[1:]} {
			for _, routes := range [][]*types.Route{nil, routes} {
				for _, dns := range []types.DNS{{}, {Nameservers: []string{"192.0.2.1"}}, {Domain: `"<d>`, Search: []string{"s"}, Options: []string{"o"}}} {
					c := &config.Config{Network: config.Network{CNIVersion: version}, Routes: routes}
					want, err := encodeOld(c, got, dns)
					require.NoError(t, err)
					text, err := encodeNew(c, got, dns)
					require.NoError(t, err)
					require.JSONEq(t, string(want), string(text))
				}
			}
		}
	}
}
