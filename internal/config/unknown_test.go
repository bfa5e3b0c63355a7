package config

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
)

func TestUnknownKeysAreNamed(t *testing.T) {
	for ipam, want := range map[string][]string{
		`"subnet": "10.1.2.0/24", "rangeStart2": "10.1.2.9", "backed": "bolt"`:           {"ipam.backed", "ipam.rangeStart2"},
		`"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "10.2.0.0/16", "gw": 1}]]`:    {"ipam.ranges[0][1].gw"},
		`"subnet": "10.1.2.0/24", "routes": [{"dst": "::/0", "gateway": "fd00::1"}]`:     {"ipam.routes[0].gateway"},
		`"RANGES": [[{"SubNet": "10.1.2.0/24"}]], "Range-Start": null`:                   nil,
		`"subnet": {"a": 1}, "ranges": {"b": [1]}, "exclude": [[{}], null], "routes": 5`: nil, // of the wrong type
	} {
		var got []string
		for _, k := range UnknownKeys([]byte(`{"name": "net", "x": 1, "ipam": {` + ipam + `}}`)) {
			require.NotEmpty(t, k.Known)
			require.NotContains(t, k.Known, k.Name)
			got = append(got, k.Key())
		}
		require.Equal(t, want, got, ipam)
	}
	for _, stdin := range []string{"", "{", "[]", `{"ipam": 5}`, `{"ipam": null}`, `{"name": "net"}`} {
		require.Empty(t, UnknownKeys([]byte(stdin)), stdin)
	}
}

// The plugin ignores unknown keys, as the stock plugin does.
func TestUnknownKeysAreIgnored(t *testing.T) {
	c, err := Parse([]byte(`{"name": "net", "ipam": {"subnet": "10.1.2.0/24", "backed": "bolt", "routes": [{"dst": "::/0", "via": 1}]}}`), "")
	require.NoError(t, err)
	require.Empty(t, c.Backend)
	require.Len(t, c.Routes, 1)
}

// The known keys of a route are the ones that the CNI library encodes.
func TestKnownKeysOfRoute(t *testing.T) {
	number := 1
	text, err := json.Marshal(types.Route{Dst: net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}, GW: net.IPv4bcast, MTU: 1, AdvMSS: 1, Priority: 1, Table: &number, Scope: &number})
	require.NoError(t, err)
	var written map[string]any
	require.NoError(t, json.Unmarshal(text, &written))
	require.ElementsMatch(t, slices.Collect(maps.Keys(written)), new(Route).fields().keys())
}
