package hostlocal

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/resolvconf"
)

// The CNI library is the oracle for every version.
func TestResultIsTheLibrarys(t *testing.T) {
	number := 7
	both := []allocator.Assignment{
		{Addr: netip.MustParsePrefix("10.0.0.2/24"), Gateway: netip.MustParseAddr("10.0.0.1")},
		{Addr: netip.MustParsePrefix("fd00::2/64")},
	}
	routes := []*config.Route{
		{},
		{Dst: prefix("10.1.0.7/16")},
		{Dst: prefix("fd01::/16"), GW: netip.MustParseAddr("fd00::9"), MTU: 1400},
		{Dst: prefix("10.2.0.0/16"), GW: netip.MustParseAddr("10.0.0.9"), MTU: 1400, AdvMSS: 1360, Priority: -5, Table: &number, Scope: new(int)},
	}
	settings := []resolvconf.DNS{
		{},
		{Nameservers: []string{"192.0.2.1", "192.0.2.2"}},
		{Domain: "\"<d>&\u2028\t", Search: []string{"s"}, Options: []string{"o", ""}},
	}
	for _, version := range supported() {
		for _, got := range [][]allocator.Assignment{both, both[:1], both[1:]} {
			for _, routes := range [][]*config.Route{nil, routes[:1], routes} {
				for _, dns := range settings {
					c := &config.Config{Network: config.Network{CNIVersion: version}, Routes: routes}
					text, err := encodeResult(c, got, dns)
					require.NoError(t, err)
					requireSameText(t, version, encodedByLibrary(t, c, got, dns), string(text))
				}
			}
		}
	}
}

// requireSameText compares byte by byte. Since 1.0.0 the library sorts the keys.
func requireSameText(t *testing.T, version, want, got string) {
	t.Helper()
	if version == "1.0.0" || version == "1.1.0" {
		require.JSONEq(t, want, got)
		return
	}
	require.Equal(t, want, got)
}

func prefix(text string) config.Prefix { return config.Prefix{Prefix: netip.MustParsePrefix(text)} }

func encodedByLibrary(t *testing.T, c *config.Config, got []allocator.Assignment, d resolvconf.DNS) string {
	t.Helper()
	result := &types100.Result{
		CNIVersion: types100.ImplementedSpecVersion,
		DNS:        types.DNS{Nameservers: d.Nameservers, Domain: d.Domain, Search: d.Search, Options: d.Options},
	}
	for _, as := range got {
		result.IPs = append(result.IPs, &types100.IPConfig{Address: ipNet(as.Addr), Gateway: as.Gateway.AsSlice()})
	}
	for _, r := range c.Routes {
		route := &types.Route{GW: r.GW.AsSlice(), MTU: r.MTU, AdvMSS: r.AdvMSS, Priority: r.Priority, Table: r.Table, Scope: r.Scope}
		if r.Dst.IsValid() {
			route.Dst = ipNet(r.Dst.Prefix)
		}
		result.Routes = append(result.Routes, route)
	}
	converted, err := result.GetAsVersion(c.CNIVersion)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, converted.PrintTo(&text))
	return text.String() + "\n"
}

func ipNet(p netip.Prefix) net.IPNet {
	return net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func TestVersionsAreTheLibrarys(t *testing.T) {
	var want, got bytes.Buffer
	require.NoError(t, version.PluginSupports(supported()...).Encode(&want))
	require.NoError(t, writeVersions(&got))
	require.Equal(t, want.String(), got.String())
}

func TestErrorIsTheLibrarys(t *testing.T) {
	for _, details := range []string{"", "run <x>"} {
		want, got := types.NewError(100, "full", details), &answer{100, "full", details}
		require.Equal(t, want.Error(), got.Error())
		wantText, err := json.Marshal(want)
		require.NoError(t, err)
		gotText, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, string(wantText), string(gotText))
	}
}

func TestCodesAreTheLibrarys(t *testing.T) {
	require.Equal(t,
		[]uint{types.ErrIncompatibleCNIVersion, types.ErrInvalidEnvironmentVariables, types.ErrIOFailure, types.ErrDecodingFailure,
			types.ErrInvalidNetworkConfig, types.ErrTryAgainLater, types.ErrPluginNotAvailable, types.ErrInternal},
		[]uint{codeIncompatibleVersion, codeEnvironment, codeIO, codeDecoding, CodeConfig, CodeTryAgain, codeNotAvailable, codeInternal})
}
