package config

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
)

// The same as rawConfig, for encoding/json, which defines the meaning of a configuration.
type (
	jsonConfig struct {
		Name          string    `json:"name"`
		CNIVersion    string    `json:"cniVersion"`
		IPAM          *jsonIPAM `json:"ipam"`
		RuntimeConfig struct {
			IPRanges [][]jsonRange `json:"ipRanges"`
			IPs      []string      `json:"ips"`
		} `json:"runtimeConfig"`
		Args struct {
			CNI struct {
				IPs []string `json:"ips"`
			} `json:"cni"`
		} `json:"args"`
	}
	jsonIPAM struct {
		jsonStore
		jsonRange
		Ranges          [][]jsonRange     `json:"ranges"`
		Routes          []json.RawMessage `json:"routes"`
		ResolvConf      string            `json:"resolvConf"`
		OnDuplicate     string            `json:"onDuplicate"`
		OnReboot        string            `json:"onReboot"`
		ExhaustedStatus string            `json:"exhaustedStatus"`
		ReuseAfter      string            `json:"reuseAfter"`
		ReuseStrict     bool              `json:"reuseAfterStrict"`
		Prefer          string            `json:"prefer"`
		Cluster         string            `json:"cluster"`
		Space           string            `json:"space"`
		History         json.RawMessage   `json:"history"`
		Name            string            `json:"name"`
		Type            string            `json:"type"`
	}
	jsonStore struct {
		DataDir     string `json:"dataDir"`
		Backend     string `json:"backend"`
		LockTimeout string `json:"lockTimeout"`
	}
	jsonRange struct {
		Subnet     jsonText `json:"subnet"`
		RangeStart string   `json:"rangeStart"`
		RangeEnd   string   `json:"rangeEnd"`
		Gateway    string   `json:"gateway"`
		Exclude    []string `json:"exclude"`
		OldStart   string   `json:"range-start"`
		OldEnd     string   `json:"range-end"`
	}
	jsonText rawText
)

func (t *jsonText) UnmarshalJSON(data []byte) error {
	*t = jsonText{present: true}
	return json.Unmarshal(data, &t.text)
}

func (c *jsonConfig) raw() *rawConfig {
	raw := &rawConfig{
		Name: c.Name, CNIVersion: c.CNIVersion,
		IPRanges: rawSets(c.RuntimeConfig.IPRanges), IPs: rawList(c.RuntimeConfig.IPs), ArgsIPs: rawList(c.Args.CNI.IPs),
	}
	if i := c.IPAM; i != nil {
		raw.IPAM = &rawIPAM{
			rawStore(i.jsonStore), i.jsonRange.raw(), rawSets(i.Ranges), rawList(i.Routes),
			i.ResolvConf, i.OnDuplicate, i.OnReboot, i.ExhaustedStatus, i.ReuseAfter, i.Cluster, i.Space, i.ReuseStrict, i.Prefer, i.History, i.Name, i.Type,
		}
	}
	return raw
}

// rawSets returns nil instead of an empty list, as a list does.
func rawSets(sets [][]jsonRange) (raw list[list[rawRange]]) {
	for _, set := range sets {
		var ranges list[rawRange]
		for _, r := range set {
			ranges = append(ranges, r.raw())
		}
		raw = append(raw, ranges)
	}
	return raw
}

// rawList returns nil instead of an empty list, as a list does.
func rawList[T any](items []T) list[T] {
	if len(items) == 0 {
		return nil
	}
	return items
}

func (r jsonRange) raw() rawRange {
	return rawRange{rawText(r.Subnet), r.RangeStart, r.RangeEnd, r.Gateway, rawList(r.Exclude), r.OldStart, r.OldEnd}
}

// requireSame requires that Decode gives a configuration the meaning that encoding/json
// gives it, and rejects what encoding/json rejects, for the same value.
func requireSame(t *testing.T, text []byte) {
	t.Helper()
	var want jsonConfig
	wantErr := json.Unmarshal(text, &want)
	got := new(rawConfig)
	err := Decode(text, got)
	require.Equal(t, wantErr == nil, err == nil, "%s: %v, and encoding/json: %v", text, err, wantErr)
	if mismatch := (*json.UnmarshalTypeError)(nil); errors.As(wantErr, &mismatch) {
		key := strings.NewReplacer("jsonStore.", "", "jsonRange.", "").Replace(mismatch.Field) // as some versions of Go have it
		require.ErrorContains(t, err, key+" is of JSON type "+mismatch.Value+", want ", "%s", text)
	} else if wantErr != nil {
		require.ErrorContains(t, err, wantErr.Error())
	}
	if wantErr != nil {
		return
	}
	require.Equal(t, want.raw(), got, "%s", text)
	if want.IPAM != nil {
		requireSameRoutes(t, want.IPAM.Routes)
	}
}

func requireSameRoutes(t *testing.T, texts []json.RawMessage) {
	for _, text := range texts {
		want, got := new(types.Route), new(Route)
		wantErr := json.Unmarshal(text, want)
		err := Decode(text, got)
		require.Equal(t, wantErr == nil, err == nil, "%s: %v, and encoding/json: %v", text, err, wantErr)
		if err == nil {
			requireSameRoute(t, want, got)
		}
	}
}

func requireSameRoute(t *testing.T, want *types.Route, got *Route) {
	t.Helper()
	require.Equal(t, want.Dst.String(), got.Dst.String())
	gw, _ := netip.AddrFromSlice(want.GW)
	require.Equal(t, gw.Unmap(), got.GW)
	require.Equal(t, []int{want.MTU, want.AdvMSS, want.Priority}, []int{got.MTU, got.AdvMSS, got.Priority})
	require.Equal(t, []*int{want.Table, want.Scope}, []*int{got.Table, got.Scope})
}

// A key that is repeated, in another case or null means what it means to encoding/json.
func TestDecodeAsEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`{"Name": "n", "IPAM": {"SUBNET": "10.0.0.0/24", "Range-Start": "a", "\u0062ackend": "bolt"}}`,
		`{"ipam": {"bac\u212aend": "bolt", "expo\u017fed": 1, "re\u017folvConf": "kelvin sign, long s"}}`,
		`{"name": "n", "NAME": "m", "name": null}`,
		`{"name": "\ud800", "cniVersion": "` + "\xff" + `", "` + "\xff" + `": 1}`,
		`{"x": {"y": 1, "y": [1e999, -0, {"z": null}]}, "": 5}`,

		`{"ipam": {"subnet": "10.0.0.0/24"}, "ipam": {"gateway": "10.0.0.1"}}`,
		`{"ipam": {"subnet": "10.0.0.0/24"}, "ipam": null}`,
		`{"ipam": {"subnet": "10.0.0.0/24"}, "ipam": null, "ipam": {"backend": "bolt"}}`,
		`{"ipam": {"subnet": "a", "subnet": null}}`,
		`{"args": {"cni": {"ips": ["a"]}}, "args": null, "args": {"cni": null}, "args": {"cni": {}}}`,

		`{"ipam": {"ranges": [[{"subnet": "a", "gateway": "b"}]], "ranges": [[{"rangeStart": "c"}, {}]]}}`,
		`{"ipam": {"ranges": [[{"subnet": "a"}], [{"subnet": "b"}, {"subnet": "c"}]], "ranges": [[]], "ranges": [null, [{}, {}]]}}`,
		`{"ipam": {"exclude": ["a", "b", "c"], "exclude": ["d"], "exclude": [null, null, null, null]}}`,
		`{"ipam": {"exclude": ["a"], "exclude": [], "exclude": [null]}}`,
		`{"ipam": {"exclude": ["a"], "exclude": null, "exclude": [null]}}`,
		`{"ipam": {"ranges": [[{"subnet": "a", "exclude": ["b"]}]], "ranges": [[{"exclude": [null, "c"]}]]}}`,
		`{"runtimeConfig": {"ips": [null, "a"], "ipRanges": [[null, {}], null]}}`,

		`{"ipam": {"routes": [null, {}, {"dst": "::/0"}], "routes": [{"gw": "::1"}]}}`,
		`{"ipam": {"routes": [{"dst": "10.0.0.7/8", "gw": "10.0.0.1", "mtu": 1400, "advmss": 1, "priority": -2, "table": 0, "scope": 253}]}}`,
		`{"ipam": {"routes": [{"gw": "10.0.0.1", "GW": null, "table": 5, "Table": null, "scope": 1, "scope": 2, "mtu": 3, "mtu": null}]}}`,
		`{"ipam": {"routes": [{"gw": ""}, {"gw": "::ffff:10.0.0.1"}, {"dst": null}]}}`,
		`{"ipam": {"routes": [{"dst": "::ffff:10.0.0.7/104"}, {"dst": "::ffff:10.0.0.0/90"}, {"dst": "::a.b/8"}, {"dst": "10.0.0.0/008"}]}}`,
		`{"ipam": {"routes": [{"dst": ""}, {"dst": "10.0.0.0"}, {"dst": 5}, {"gw": "x"}, {"gw": 5}, {"gw": []}]}}`,
		`{"ipam": {"routes": [{"mtu": 1e3}, {"mtu": 1.0}, {"mtu": "1"}, {"mtu": 9223372036854775808}, {"scope": true}, 5, [], "x"]}}`,

		`{"ipam": {"subnet": 5, "ranges": 6}}`,
		`{"ipam": {"ranges": [[{"exclude": [null, 5]}]]}, "name": 6}`,
		`{"ipam": {"ranges": [[{"exclude": [[]]}]]}}`,
		`{"name": 5, "x": }`,
		`{"runtimeConfig": [], "args": {"cni": 5}}`,
		`[]`, `{`, `5`, `null`, ``, ` {} {}`, "\ufeff{}",
		strings.Repeat(`{"ipam":`, 10_001) + "1" + strings.Repeat("}", 10_001),
	} {
		requireSame(t, []byte(text))
	}
	examples, err := filepath.Glob("../../examples/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, name := range examples {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		requireSame(t, text)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name": "n", "cniVersion": "1.0.0", "ipam": {"type": "host-local", "backend": "bolt", "subnet": "10.0.0.0/24"}}`))
	f.Add([]byte(`{"ipam": {"ranges": [[{"subnet": "a", "gateway": "none", "exclude": ["b"]}]], "routes": [{"dst": "::/0", "gw": "::1"}]}}`))
	f.Add([]byte(`{"args": {"cni": {"ips": ["a"]}}, "runtimeConfig": {"ips": ["b"], "ipRanges": [[{}]]}, "x": {"\":": [{}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) { requireSame(t, text) })
}
