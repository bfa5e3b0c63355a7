package config_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
)

// describe formats a pool as "subnet first-last gateway", with a plus between ranges and a
// bar between sets.
func describe(p allocator.Pool) string {
	var sets []string
	for _, s := range p.Sets() {
		var ranges []string
		for _, r := range s.Ranges() {
			gateway := "none"
			if r.Gateway().IsValid() {
				gateway = r.Gateway().String()
			}
			ranges = append(ranges, fmt.Sprintf("%s %s %s", r.Subnet(), r, gateway))
		}
		sets = append(sets, strings.Join(ranges, " + "))
	}
	return strings.Join(sets, " | ")
}

// conf returns a network configuration with the given contents of ipam.
func conf(ipam string) string {
	return fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "net", "ipam": {"type": "host-local", %s}}`, ipam)
}

// with returns a network configuration with additional keys beside ipam.
func with(keys string) string {
	return fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "net", "ipam": {"subnet": "10.1.2.0/24"}, %s}`, keys)
}

func parse(t *testing.T, stdin string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(stdin), "")
	require.NoError(t, err)
	return c
}

func addrs(texts ...string) []netip.Addr {
	var addrs []netip.Addr
	for _, text := range texts {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs
}

func TestDefaults(t *testing.T) {
	c := parse(t, `{"name": "net", "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}}`)
	require.Equal(t, config.Network{
		CNIVersion:  "0.1.0",
		Name:        "net",
		DataDir:     "/var/lib/cni/networks",
		LockTimeout: 30 * time.Second,
	}, c.Network)
	require.Equal(t, filepath.FromSlash("/var/lib/cni/networks/net"), c.Path())
	require.Equal(t, "0.1.0", c.CNIVersion)
	require.Equal(t, "10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1", describe(c.Pool))
	require.Empty(t, c.Requested)
	require.Zero(t, c.Pod)
	require.Empty(t, c.Routes)
	require.Empty(t, c.ResolvConf)
	require.Equal(t, allocator.RefuseDuplicate, c.OnDuplicate)
	require.Empty(t, c.OnReboot)
	require.False(t, c.ExhaustedFails, "a full pool must not evict the pods of a node")
	require.Empty(t, c.Cluster+c.Space)
}

func TestSpaceDefault(t *testing.T) {
	c := parse(t, `{"name": "net", "ipam": {"subnet": "10.1.2.0/24", "backend": "bolt", "cluster": "dc1"}}`)
	require.Equal(t, "dc1 net", c.Cluster+" "+c.Space)
}

func TestEveryKey(t *testing.T) {
	c := parse(t, `{
		"cniVersion": "1.1.0",
		"name": "net.1_a-b",
		"ipam": {
			"type": "host-local",
			"dataDir": "/run/ipam",
			"backend": "bolt",
			"lockTimeout": "1m30s",
			"ranges": [
				[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.20", "gateway": "10.1.2.254"}],
				[{"subnet": "fd00:1::/64", "gateway": "none"}, {"subnet": "fd00:2::/64"}]
			],
			"routes": [{"dst": "0.0.0.0/0"}, null, {"dst": "fd00::/8", "gw": "fd00:1::1", "mtu": 1400}],
			"resolvConf": "/etc/resolv.conf",
			"onDuplicate": "return",
			"onReboot": "release",
			"exhaustedStatus": "ok",
			"history": {"keep": 500, "for": "7d"},
			"reuseAfter": "45s",
			"reuseAfterStrict": true,
			"prefer": "pod",
			"cluster": "dc1",
			"space": "pods"
		}
	}`)
	require.Equal(t, config.Network{
		CNIVersion:  "1.1.0",
		Name:        "net.1_a-b",
		DataDir:     "/run/ipam",
		Backend:     config.Bolt,
		LockTimeout: 90 * time.Second,
	}, c.Network)
	require.Equal(t, "1.1.0", c.CNIVersion)
	require.Equal(t, "10.1.2.0/24 10.1.2.10-10.1.2.20 10.1.2.254 | "+
		"fd00:1::/64 fd00:1::1-fd00:1::ffff:ffff:ffff:ffff none + "+
		"fd00:2::/64 fd00:2::1-fd00:2::ffff:ffff:ffff:ffff fd00:2::1", describe(c.Pool))
	require.Equal(t, "dc1 pods", c.Cluster+" "+c.Space)
	require.Len(t, c.Routes, 2, "null is skipped")
	require.Equal(t, "0.0.0.0/0", c.Routes[0].Dst.String())
	require.Equal(t, "fd00::/8", c.Routes[1].Dst.String())
	require.Equal(t, "fd00:1::1", c.Routes[1].GW.String())
	require.Equal(t, 1400, c.Routes[1].MTU)
	require.Equal(t, "/etc/resolv.conf", c.ResolvConf)
	require.Equal(t, allocator.ReturnExisting, c.OnDuplicate)
	require.Equal(t, config.ReleaseOnReboot, c.OnReboot)
	require.False(t, c.ExhaustedFails)
	require.Equal(t, allocator.History{Keep: 500, For: 7 * 24 * time.Hour}, c.History)
	require.Equal(t, allocator.Cooldown{ReuseAfter: 45 * time.Second, Strict: true}, c.Cooldown)
	require.Equal(t, allocator.PreferPod, c.Prefer)
}

func TestHistory(t *testing.T) {
	month := 30 * 24 * time.Hour
	for text, want := range map[string]allocator.History{
		`null`:                        {Keep: 10_000, For: month},
		`{}`:                          {Keep: 10_000, For: month},
		`0`:                           {},
		`{"keep": 0}`:                 {For: month},
		`{"keep": 200000}`:            {Keep: 200_000, For: month},
		`{"for": "90m"}`:              {Keep: 10_000, For: 90 * time.Minute},
		`{"keep": null, "for": null}`: {Keep: 10_000, For: month},
	} {
		require.Equal(t, want, parse(t, conf(`"subnet": "10.1.2.0/24", "history": `+text)).History, text)
	}
	require.Equal(t, allocator.DefaultHistory(), parse(t, conf(`"subnet": "10.1.2.0/24"`)).History)
}

func TestPoliciesSpelledOut(t *testing.T) {
	c := parse(t, conf(`"subnet": "10.1.2.0/24", "backend": "files",
		"onDuplicate": "error", "onReboot": "keep", "exhaustedStatus": "error"`))
	require.Equal(t, config.Files, c.Backend)
	require.Equal(t, allocator.RefuseDuplicate, c.OnDuplicate)
	require.Equal(t, config.KeepOnReboot, c.OnReboot)
	require.True(t, c.ExhaustedFails)
}

func TestRebootDefaultDependsOnStore(t *testing.T) {
	for _, tt := range []struct {
		reboot      config.Reboot
		files, bolt bool
	}{
		{"", false, true},
		{config.KeepOnReboot, false, false},
		{config.ReleaseOnReboot, true, true},
	} {
		require.Equal(t, tt.files, tt.reboot.Releases(config.Files), "%q", tt.reboot)
		require.Equal(t, tt.bolt, tt.reboot.Releases(config.Bolt), "%q", tt.reboot)
	}
}

// The configurations that host-local's README showed in 2015.
func TestConfigurationsOf2015(t *testing.T) {
	for _, tt := range []struct{ stdin, pool, route string }{
		{
			stdin: `{"name": "default", "ipam": {"type": "host-local", "subnet": "203.0.113.0/24"}}`,
			pool:  "203.0.113.0/24 203.0.113.1-203.0.113.254 203.0.113.1",
		},
		{
			stdin: `{"name": "ipv6", "ipam": {"type": "host-local", "subnet": "3ffe:ffff:0:01ff::/64",
				"range-start": "3ffe:ffff:0:01ff::0010", "range-end": "3ffe:ffff:0:01ff::0020",
				"routes": [{"dst": "3ffe:ffff:0:01ff::1/64"}]}}`,
			pool:  "3ffe:ffff:0:1ff::/64 3ffe:ffff:0:1ff::10-3ffe:ffff:0:1ff::20 3ffe:ffff:0:1ff::1",
			route: "3ffe:ffff:0:1ff::1/64",
		},
		{
			stdin: `{"name": "ipv4", "ipam": {"type": "host-local", "subnet": "203.0.113.1/24",
				"range-start": "203.0.113.10", "range-end": "203.0.113.20",
				"routes": [{"dst": "203.0.113.0/24"}]}}`,
			pool:  "203.0.113.0/24 203.0.113.10-203.0.113.20 203.0.113.1",
			route: "203.0.113.0/24",
		},
	} {
		c := parse(t, tt.stdin)
		require.Equal(t, tt.pool, describe(c.Pool))
		if tt.route == "" {
			require.Empty(t, c.Routes)
			continue
		}
		require.Len(t, c.Routes, 1)
		require.Equal(t, tt.route, c.Routes[0].Dst.String())
	}
}

func TestRequestedAddresses(t *testing.T) {
	for name, tt := range map[string]struct {
		stdin, args string
		want        []netip.Addr
	}{
		"from everywhere, in order": {
			stdin: with(`"args": {"cni": {"ips": ["10.1.2.4", "10.1.2.5/24"]}}, "runtimeConfig": {"ips": ["10.1.2.2/24"]}`),
			args:  "IP=10.1.2.9",
			want:  addrs("10.1.2.9", "10.1.2.4", "10.1.2.5", "10.1.2.2"),
		},
		"the same in two places": {
			stdin: with(`"args": {"cni": {"ips": ["10.1.2.9/24"]}}, "runtimeConfig": {"ips": ["::ffff:10.1.2.9"]}`),
			args:  "IP=10.1.2.9",
			want:  addrs("10.1.2.9"),
		},
		"IPv6 with leading zeros and host bits": {
			stdin: with(`"runtimeConfig": {"ips": ["fd00::0010/064"]}`),
			want:  addrs("fd00::10"),
		},
		"IPv4 in IPv6 form, with a length": {
			stdin: with(`"runtimeConfig": {"ips": ["::ffff:10.1.2.9/120"]}`),
			want:  addrs("10.1.2.9"),
		},
		"null and empty": {
			stdin: with(`"args": {"cni": {"ips": null}}, "runtimeConfig": {"ips": []}`),
		},
		"args null":          {stdin: with(`"args": null, "runtimeConfig": null`)},
		"args.cni null":      {stdin: with(`"args": {"cni": null}`)},
		"args for others":    {stdin: with(`"args": {"cni": {"mac": 7}, "other": "x"}`)},
		"empty IP in args":   {stdin: with(`"args": {}`), args: "IP="},
		"outside every pool": {stdin: with(`"runtimeConfig": {"ips": ["192.0.2.1"]}`), want: addrs("192.0.2.1")},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Parse([]byte(tt.stdin), tt.args)
			require.NoError(t, err)
			require.Equal(t, tt.want, c.Requested)
		})
	}
}

func TestArgs(t *testing.T) {
	for args, want := range map[string]backend.Pod{
		"": {},
		"K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=1-2": {Namespace: "shop", Name: "cart-0"},
		"IgnoreUnknown=1;K8S_POD_NAME=cart-0":                                                       {Name: "cart-0"},
		"FOO=bar;IgnoreUnknown=TRUE":                                                                {},
		"IgnoreUnknown=0;IP=10.1.2.3/24":                                                            {},
		"IgnoreUnknown=False":                                                                       {},
		"IgnoreUnknown=false;IgnoreUnknown=true;X=":                                                 {},
		"IP=10.1.2.3;IP=":                                                                           {},
		"K8S_POD_NAME=a\x01b;K8S_POD_NAMESPACE=shop":                                                {}, // no lease can record it
		"K8S_POD_NAME=a;K8S_POD_NAME=b;IgnoreUnknown=true":                                          {Name: "b"},
	} {
		c, err := config.Parse([]byte(conf(`"subnet": "10.1.2.0/24"`)), args)
		require.NoError(t, err, args)
		require.Equal(t, want, c.Pod, args)
	}
}

// If an address is requested twice, the last counts; an empty one cancels the request.
func TestLastArgWins(t *testing.T) {
	for args, want := range map[string][]netip.Addr{
		"IP=10.1.2.3;IP=10.1.2.4": addrs("10.1.2.4"),
		"IP=10.1.2.3;IP=":         nil,
	} {
		c, err := config.Parse([]byte(conf(`"subnet": "10.1.2.0/24"`)), args)
		require.NoError(t, err, args)
		require.Equal(t, want, c.Requested, args)
	}
}

func TestVersion(t *testing.T) {
	for stdin, want := range map[string]string{
		`{}`:                               "0.1.0",
		`{"cniVersion": ""}`:               "0.1.0",
		`{"cniVersion": null}`:             "0.1.0",
		`{"cniVersion": "1.1.0"}`:          "1.1.0",
		`{"CNIVERSION": "99", "ipam": []}`: "99",
	} {
		got, err := config.Version([]byte(stdin))
		require.NoError(t, err, stdin)
		require.Equal(t, want, got, stdin)
	}
	_, err := config.Version([]byte(`{"cniVersion": 1}`))
	require.ErrorIs(t, err, config.ErrDecode)
	require.ErrorContains(t, err, "cniVersion is of JSON type number, want string")
}

func TestVersionsWithOneAddressPerFamily(t *testing.T) {
	const (
		two4 = `"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}]]`
		two6 = `"ranges": [[{"subnet": "fd00:1::/64"}], [{"subnet": "fd00:2::/64"}]]`
		both = `"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "10.1.3.0/24"}], [{"subnet": "fd00:2::/64"}]]`
	)
	stdin := func(version, ipam string) []byte {
		return fmt.Appendf(nil, `{"cniVersion": %q, "name": "net", "ipam": {%s}}`, version, ipam)
	}
	for _, version := range []string{"", "0.1.0", "0.2.0"} {
		_, err := config.Parse(stdin(version, both), "")
		require.NoError(t, err, version)
		for _, ipam := range []string{two4, two6} {
			_, err := config.Parse(stdin(version, ipam), "")
			require.ErrorIs(t, err, config.ErrInvalid, version)
			require.Regexp(t, `^CNI version 0\.[12]\.0 does not support more than 1 address per family`, err.Error())
		}
	}
	for _, version := range []string{"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"} {
		for _, ipam := range []string{two4, two6, both} {
			_, err := config.Parse(stdin(version, ipam), "")
			require.NoError(t, err, version)
		}
	}
}
