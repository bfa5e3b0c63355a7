package interop

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// versions returns the CNI versions that the stock plugin supports.
func versions() []string {
	return []string{"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}
}

// A resultCase is a configuration whose results are compared. "RESOLV" is replaced by the
// path of a file with the given text.
type resultCase struct {
	name   string
	ipam   string
	resolv string
	since  string // the oldest CNI version that can express the result
	peer   plugin // the plugin to compare with; [stock] if it is zero
}

const (
	ipv4 = `"ranges": [[{"subnet": "10.1.2.0/24"}]]`
	ipv6 = `"ranges": [[{"subnet": "fd00::/64"}]]`
	dual = `"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64"}]]`
)

func resultCases() []resultCase {
	return []resultCase{
		{name: "ipv4", ipam: ipv4},
		{name: "ipv6", ipam: ipv6},
		{name: "dual", ipam: dual},
		{name: "the form with one range", ipam: `"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.9", "gateway": "10.1.2.250"`},
		{name: "gateway outside", peer: older(), ipam: `"subnet": "10.1.2.0/24", "gateway": "10.9.9.9"`},
		{name: "gateway of the other family", peer: older(), ipam: `"subnet": "10.1.2.0/24", "gateway": "fd00::1"`},
		{name: "gateway in IPv6 form", ipam: `"subnet": "10.1.2.0/24", "gateway": "::ffff:10.1.2.9"`},
		{name: "several sets", since: "0.3.0",
			ipam: `"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.2.0.0/16"}], [{"subnet": "fd00::/64"}], [{"subnet": "fd01::/120"}]]`},

		{name: "routes", ipam: dual + `, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "10.1.2.77"}, {"dst": "::/0"}, {"dst": "fd09::/64", "gw": "fd00::9"}]`},
		{name: "no routes", ipam: dual + `, "routes": []`},
		{name: "null routes", ipam: dual + `, "routes": null`},
		{name: "route with host bits", ipam: ipv4 + `, "routes": [{"dst": "10.9.8.7/16"}]`},
		{name: "route of the other family", ipam: ipv4 + `, "routes": [{"dst": "fd09::/64", "gw": "fd00::9"}]`},
		{name: "route with everything",
			ipam: dual + `, "routes": [{"dst": "10.9.0.0/16", "gw": "10.1.2.77", "mtu": 1400, "advmss": 1340, "priority": 7, "table": 100, "scope": 253}]`},
		{name: "route with zeros", ipam: ipv4 + `, "routes": [{"dst": "10.9.0.0/16", "mtu": 0, "priority": 0, "table": 0, "scope": 0}]`},

		{name: "resolv.conf", ipam: dual + `, "resolvConf": "RESOLV"`,
			resolv: "nameserver 192.0.2.1\nnameserver fd00::53\ndomain example.com\nsearch a.example.com b.example.com\noptions ndots:2 edns0\n"},
		{name: "untidy resolv.conf", ipam: ipv4 + `, "resolvConf": "RESOLV"`,
			resolv: "# nameserver 192.0.2.9\n; search x\n\n  nameserver\t192.0.2.1  trailing\r\nnameserver\nSEARCH upper\nsortlist 10.0.0.0\nsearch a\nsearch b #c\ndomain one\ndomain two\noptions"},
		{name: "empty resolv.conf", ipam: ipv4 + `, "resolvConf": "RESOLV"`},
		{name: "resolv.conf and routes", ipam: ipv4 + `, "resolvConf": "RESOLV", "routes": [{"dst": "0.0.0.0/0"}]`,
			resolv: "nameserver 192.0.2.1\n"},
	}
}

// The result of an ADD is the same JSON in every version of CNI.
func TestResults(t *testing.T) {
	for _, c := range resultCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, version := range versions() {
				if version >= c.since {
					c.compare(t, version)
				}
			}
		})
	}
}

func (c resultCase) compare(t *testing.T, version string) {
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(resolv, []byte(c.resolv), 0o600))
	result := func(p plugin, backend string) answer {
		n := network{dir: t.TempDir(), backend: backend, version: version, ipam: replace(c.ipam, "RESOLV", resolv)}
		return p.mustDo(t, n.call("ADD", attachment{"c1", "eth0"}))
	}
	want := string(result(cmp.Or(c.peer, stock()), "").stdout)
	require.Contains(t, want, `"cniVersion": "`+version+`"`)
	require.JSONEq(t, want, string(result(ours(), "").stdout), "%s on files", version)
	require.JSONEq(t, want, string(result(ours(), "bolt").stdout), "%s on bolt", version)
}

// Both list the same versions.
func TestVersions(t *testing.T) {
	c := call{command: "VERSION", conf: `{"cniVersion": "1.0.0"}`}
	want := stock().mustDo(t, c)
	require.JSONEq(t, string(want.stdout), string(ours().mustDo(t, c).stdout))
	for _, version := range versions() {
		require.Contains(t, string(want.stdout), version)
	}
}
