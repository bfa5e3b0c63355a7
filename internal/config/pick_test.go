package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireSame requires that pick, if it accepts an input, gives the same result as
// encoding/json.
func requireSame(t *testing.T, data []byte) (picked bool) {
	t.Helper()
	var got, want rawConfig
	if !pick(data, &got) {
		return false
	}
	require.NoError(t, json.Unmarshal(data, &want), "%s", data)
	if want.IPAM != nil {
		routes, err := routes(want.IPAM.Routes)
		require.NoError(t, err, "%s", data)
		require.Equal(t, routes, got.IPAM.picked, "%s", data)
		want.IPAM.Routes, want.IPAM.picked = nil, nil
		got.IPAM.picked = nil
	}
	wantText, err := json.Marshal(comparableForm(want))
	require.NoError(t, err)
	gotText, err := json.Marshal(comparableForm(got))
	require.NoError(t, err)
	require.JSONEq(t, string(wantText), string(gotText), "%s", data)
	return true
}

// comparableForm returns what a test must compare: an empty list means the same as nil.
func comparableForm(c rawConfig) any {
	type ipam struct {
		Store, Range any
		Ranges       any
		Texts        []string
	}
	var i *ipam
	if c.IPAM != nil {
		i = &ipam{c.IPAM.rawStore, flat(c.IPAM.rawRange), flatSets(c.IPAM.Ranges),
			[]string{c.IPAM.ResolvConf, c.IPAM.OnDuplicate, c.IPAM.OnReboot, c.IPAM.ExhaustedStatus, c.IPAM.Name, c.IPAM.Type}}
	}
	return map[string]any{
		"name": c.Name, "version": c.CNIVersion, "ipam": i, "ranges": flatSets(c.RuntimeConfig.IPRanges),
		"ips": append([]string{}, c.RuntimeConfig.IPs...), "args": append([]string{}, c.Args.CNI.IPs...),
	}
}

func flat(r rawRange) []any {
	return []any{r.Subnet.present, r.Subnet.text, r.RangeStart, r.RangeEnd, r.Gateway,
		append([]string{}, r.Exclude...), r.OldStart, r.OldEnd}
}

func flatSets(sets [][]rawRange) any {
	all := []any{}
	for _, set := range sets {
		flats := []any{}
		for _, r := range set {
			flats = append(flats, flat(r))
		}
		all = append(all, flats)
	}
	return all
}

func TestPick(t *testing.T) {
	for data, picked := range map[string]bool{
		`{"name": "n", "ipam": {"type": "host-local", "subnet": "10.0.0.0/24"}}`:                                true,
		`{"name": "n", "ipam": {"ranges": [[{"subnet": "10.0.0.0/24"}], []], "routes": [{"dst": "::/0"}]}}`:     true,
		`{"name": "n:\"\\", "x": {"y": [{"z": null}]}, "ipam": {"routes": [{"dst": "::/0", "gw": "fd00::1"}]}}`: true,
		`{"name": "n", "args": {"cni": {"ips": ["a"]}}, "runtimeConfig": {"ips": ["b"], "ipRanges": [[{}]]}}`:   true,
		`{"name": "n", "ipam": {"exclude": ["a"], "range-start": "b", "range-end": "c", "gateway": "none"}}`:    true,
		`{"name": "n", "Ipam": {"subnet": "10.0.0.0/24"}}`:                                                      false, // another case
		`{"name": "n", "ipam": {"subnet": "10.0.0.0/24"}, "ipam": {"gateway": "10.0.0.1"}}`:                     false, // twice
		`{"name": "n", "name": "m"}`:                false,
		`{"name": "n", "x": {"y": 1, "y": 2}}`:      false,
		`{"name": null}`:                            false,
		`{"name": 5}`:                               false,
		`{"name": "n", "ipam": {"ranges": [null]}}`: false,
		`{"name": "n", "ipam": {"routes": [{"dst": "::/0", "mtu": 5}]}}`: false,
		`{"name": "n", "ipam": {"routes": [{"dst": "::/0", "gw": ""}]}}`: false,
		`{"name": "n", "ipam": {"routes": [{}]}}`:                        false,
		`{"name": "n", "ipam": {"routes": [5]}}`:                         false,
		`[]`:                                                             false,
		`{`:                                                              false,
	} {
		require.Equal(t, picked, requireSame(t, []byte(data)), data)
	}
	examples, err := filepath.Glob("../../examples/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, name := range examples {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, requireSame(t, data), name)
	}
}

func FuzzPick(f *testing.F) {
	f.Add([]byte(`{"name": "n", "cniVersion": "1.0.0", "ipam": {"type": "host-local", "backend": "bolt", "subnet": "10.0.0.0/24"}}`))
	f.Add([]byte(`{"ipam": {"ranges": [[{"subnet": "a", "gateway": "none", "exclude": ["b"]}]], "routes": [{"dst": "::/0", "gw": "::1"}]}}`))
	f.Add([]byte(`{"args": {"cni": {"ips": ["a"]}}, "runtimeConfig": {"ips": ["b"], "ipRanges": [[{}]]}, "x": {"\":": [{}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) { requireSame(t, data) })
}
