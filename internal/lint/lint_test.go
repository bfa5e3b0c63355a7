package lint_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/netconf"
)

// net returns the configuration of a plugin with the given keys of ipam.
func net(name, ipam string) string {
	return `{"cniVersion": "1.0.0", "name": "` + name + `", "type": "bridge", "ipam": {"type": "host-local", ` + ipam + `}}`
}

// together reads several configurations of one node.
func together(t *testing.T, texts ...string) (n netconf.Node) {
	for i, text := range texts {
		one := netconf.Inspect(string(rune('a'+i))+".conf", []byte(text))
		require.Empty(t, one.Problems, text)
		n.Networks, n.Files = append(n.Networks, one.Networks...), append(n.Files, one.Files...)
	}
	return n
}

// lines returns one line for each finding; a note begins with "note: ".
func lines(found []lint.Finding) (all []string) {
	for _, f := range found {
		label := ""
		if f.Note {
			label = "note: "
		}
		all = append(all, label+f.String())
	}
	return all
}

func smallForStock(subnet string) string {
	return "note: stock host-local v1.10.0 rejects this network, even in a DEL: ipam.subnet " + subnet +
		" is too small for it; move the containers to a larger subnet before putting the stock plugin back"
}

func TestFindings(t *testing.T) {
	const (
		passed = ": unknown key, ignored; write "
		range0 = `"ranges": [[{"subnet": "10.1.2.0/24"`
	)
	for ipam, want := range map[string][]string{
		`"subnet": "10.1.2.0/24"`: nil,
		`"subnet": "10.1.2.0/24", "dataDir": "/run/x", "exclude": ["10.1.2.7"], "gateway": "none", "Backend": "bolt"`: {
			`note: stock host-local v1.10.0 rejects this network, even in a DEL: ipam.gateway is "none", which it does not support; ` +
				`name a gateway before putting the stock plugin back`},
		range0 + `, "rangeStart": "10.1.2.9", "rangeEnd": "10.1.2.99", "gateway": "10.1.2.254"}]]`:   nil,
		`"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64", "rangeStart": "fd00::"}]]`: nil, // no broadcast in IPv6
		`"subnet": "10.1.2.0/31"`: {smallForStock("10.1.2.0/31")},
		`"subnet": "10.1.2.0/32"`: {smallForStock("10.1.2.0/32")},

		// Keys.
		`"subnet": "10.1.2.0/24", "range_start": "10.1.2.9"`:    {`ipam.range_start "10.1.2.9"` + passed + `"rangeStart"`},
		`"subnet": "10.1.2.0/24", "RangeStrat": "10.1.2.9"`:     {`ipam.RangeStrat "10.1.2.9"` + passed + `"rangeStart"`},
		`"subnet": "10.1.2.0/24", "excludes": ["10.1.2.9"]`:     {`ipam.excludes ["10.1.2.9"]` + passed + `"exclude"`},
		`"subnet": "10.1.2.0/24", "gatway": "10.1.2.9"`:         {`ipam.gatway "10.1.2.9"` + passed + `"gateway"`},
		`"subnet": "10.1.2.0/24", "data-dir": "/x"`:             {`ipam.data-dir "/x"` + passed + `"dataDir"`},
		`"subnet": "10.1.2.0/24", "resolv_conf": "/x"`:          {`ipam.resolv_conf "/x"` + passed + `"resolvConf"`},
		`"subnet": "10.1.2.0/24", "on_duplicate": "return"`:     {`ipam.on_duplicate "return"` + passed + `"onDuplicate"`},
		`"subnet": "10.1.2.0/24", "range": [[{}]]`:              {`ipam.range [[{}]]` + passed + `"ranges"`},
		`"subnet": "10.1.2.0/24", "range": "10.1.2.0/24"`:       {`ipam.range "10.1.2.0/24": this is a key of whereabouts and is ignored; write "subnet", and "rangeStart" and "rangeEnd" for less than all of it`},
		`"subnet": "10.1.2.0/24", "isGateway": true`:            {`ipam.isGateway true: this is a key of the plugin that calls host-local and is ignored; write it beside ipam`},
		`"subnet": "10.1.2.0/24", "addresses": []`:              {`ipam.addresses []: this is a key of static and is ignored; write "type": "static", or ask for an address by CNI_ARGS (IP=), args.cni.ips or the capability ips`},
		`"subnet": "10.1.2.0/24", "ipv4_pools": ["10.0.0.0/8"]`: {`ipam.ipv4_pools ["10.0.0.0/8"]: this is a key of calico-ipam and is ignored; write "ranges": [[{"subnet": "10.1.2.0/24"}]]`},
		`"subnet": "10.1.2.0/24", "log_level": "debug"`:         {`note: ipam.log_level "debug": this is a key of whereabouts and is ignored; leave it out`},
		range0 + `, "dataDir": "/x"}]]`:                         {`ipam.ranges[0][0].dataDir "/x": this key has no meaning here and is ignored; write it in ipam, beside "ranges"`},
		`"subnet": "10.1.2.0/24", "routes": [{"dst": "0.0.0.0/0", "gateway": "10.1.2.1"}]`: {
			`ipam.routes[0].gateway "10.1.2.1"` + passed + `"gw"`},
		`"subnet": "10.1.2.0/24", "_comment": "mine"`: {
			`note: ipam._comment "mine": unknown key, ignored; known keys: dataDir, backend, lockTimeout, subnet, rangeStart, rangeEnd, gateway, exclude, range-start, range-end, ranges, routes, resolvConf, onDuplicate, onReboot, exhaustedStatus, history, reuseAfter, reuseAfterStrict, prefer, cluster, space, name, type`},
		range0 + `, "ipRange": "10.1.2.128/25"}]]`: {
			`ipam.ranges[0][0].ipRange "10.1.2.128/25": host-local has no such key and ignores it; write "rangeStart" and "rangeEnd", here "10.1.2.128" and "10.1.2.255"`},
		range0 + `}]], "gateway": "10.1.2.254", "rangeStart": "10.1.2.9"`: {
			`ipam.rangeStart "10.1.2.9": this key applies to a subnet beside it and is ignored without one; write it in ipam.ranges[0][0]`,
			`ipam.gateway "10.1.2.254": this key applies to a subnet beside it and is ignored without one; write it in ipam.ranges[0][0]`},
		`"subnet": "10.1.2.0/24", "history": {"keep": 5}`: {
			`note: ipam.history {"keep":5}: a files store keeps no history; add "backend": "bolt", or leave it out`},
		`"subnet": "10.1.2.0/24", "history": {"kept": 5}, "backend": "bolt"`: {`note: ipam.history.kept 5: unknown key, ignored; known keys: keep, for`},
		`"subnet": "10.1.2.0/24", "reuseAfter": "30s"`: {
			`note: ipam.reuseAfter "30s": a files store leases a released address again at once, when it is its turn; add "backend": "bolt", or leave it out`},
		`"subnet": "10.1.2.0/24", "prefer": "pod"`: {
			`note: ipam.prefer "pod": a files store does not remember which address a pod had; add "backend": "bolt", or leave it out`},
		`"subnet": "10.1.2.0/24", "prefer": "pod", "backend": "bolt"`: nil,
		`"subnet": "10.1.2.0/24", "history": 0`:                       nil,
		`"subnet": "10.1.2.0/24", "dataDir": "run/x"`: {
			`ipam.dataDir "run/x": a relative path depends on the working directory of the runtime; write a path that begins with /`},

		// Ranges.
		`"subnet": "10.1.2.0/29", "exclude": ["10.1.2.0/29"]`: {
			`ipam: every address of the range 10.1.2.1-10.1.2.6 is excluded or the gateway, so every ADD fails; make the range longer, or exclude less`},
		`"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.0", "rangeEnd": "10.1.2.255", "exclude": ["10.1.2.0", "10.1.2.255"]`: nil,
		`"subnet": "10.1.2.0/24", "resolvConf": "/nowhere/resolv.conf"`: {
			`ipam.resolvConf: open /nowhere/resolv.conf: no such file or directory: every ADD reads this file, and fails; correct the path, or remove the key`},
		`"subnet": "10.1.2.0/24", "resolvConf": "/"`: {
			`ipam.resolvConf: read /: is a directory: every ADD reads this file, and fails; correct the path, or remove the key`},
		`"subnet": "10.1.2.0/24", "resolvConf": "/dev/null"`: nil,
		`"subnet": "10.1.2.0/24", "resolvConf": "run/resolv.conf"`: {
			`ipam.resolvConf "run/resolv.conf": a relative path depends on the working directory of the runtime; write a path that begins with /`},
		`"subnet": "10.1.2.0/24", "gateway": "10.9.0.1"`: {
			`note: stock host-local v1.10.0 rejects this network, even in a DEL: ipam.gateway "10.9.0.1" is outside the subnet 10.1.2.0/24; ` +
				`use a gateway in the subnet before putting the stock plugin back`},
	} {
		require.Equal(t, want, lines(lint.Node(together(t, net("n", ipam)), nil)), ipam)
	}
}

// What another user than the plugin's cannot read, the plugin may.
func TestUnreadableResolvConf(t *testing.T) {
	name := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(name, nil, 0))
	var want []string
	if os.Geteuid() != 0 {
		want = []string{"note: ipam.resolvConf: open " + name + ": permission denied: every ADD reads this file; " +
			"whether it can is not known; run this as the user of the plugin to know"}
	}
	require.Equal(t, want, lines(lint.Node(together(t, net("n", `"subnet": "10.1.2.0/24", "resolvConf": "`+name+`"`)), nil)))
}

func TestKeysBesideIPAM(t *testing.T) {
	beside := func(keys string) string {
		return `{"cniVersion": "1.0.0", "name": "n", ` + keys + `, "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}}`
	}
	for keys, want := range map[string][]string{
		`"type": "bridge", "isGateway": true, "mtu": 1400, "dns": {}`: nil,
		`"type": "other", "subnet": "10.1.2.0/24"`:                    nil, // it may have such a key
		`"type": "macvlan", "rangeStart": "10.1.2.9"`:                 {`rangeStart "10.1.2.9": this key has no meaning outside ipam; write it in ipam`},
		`"type": "bridge", "routes": []`:                              {`routes []: this key has no meaning outside ipam; write it in ipam`},
	} {
		require.Equal(t, want, lines(lint.Node(together(t, beside(keys)), nil)), keys)
	}
	list := `{"cniVersion": "1.0.0", "name": "n", "ipam": {"type": "host-local"}, "plugins": [` + net("n", `"subnet": "10.1.2.0/24"`) + `]}`
	require.Equal(t, []string{`ipam {"type":"host-local"}: it has no meaning beside plugins; write it in the plugin that needs addresses`},
		lines(lint.Node(together(t, list), nil)))
	misspelt := `{"cniVersion": "1.0.0", "name": "n", "type": "bridge", "ipam": {"type": "host_local", "subnet": "10.1.2.0/24"}}`
	require.Equal(t, []string{`ipam.type "host_local": there is no such plugin; write "type": "host-local" in ipam`}, lines(lint.Node(together(t, misspelt), nil)))
}

// ptp deletes the addresses of an ADD that fails at the interface, which a running container has already.
func TestOnDuplicateWithPTP(t *testing.T) {
	for plugin, found := range map[string]int{"ptp": 1, "bridge": 0} {
		for value, more := range map[string]int{"return": found, "error": 0} {
			text := `{"cniVersion": "1.0.0", "name": "n", "type": "` + plugin + `", "ipam": {"type": "host-local", "subnet": "10.1.2.0/24", "onDuplicate": "` + value + `"}}`
			got := lines(lint.Node(together(t, text), nil))
			require.Len(t, got, more, "%s %s", plugin, value)
			if more > 0 {
				require.Equal(t, `ipam.onDuplicate "return": if an ADD is repeated while its container runs, ptp fails and ends the lease, `+
					"and another container gets the address; leave it out", got[0])
			}
		}
	}
}

func TestOverlaps(t *testing.T) {
	macvlan := func(name, master, more string) string {
		return `{"name": "` + name + `", "type": "macvlan", "master": "` + master + `"` + more + `, "ipam": {"type": "host-local", "subnet": "10.1.0.0/16"}}`
	}
	for name, c := range map[string]struct {
		texts []string
		want  string // the beginning
	}{
		"the same":             {[]string{net("a", `"subnet": "10.1.0.0/16"`), net("b", `"subnet": "10.1.0.0/16"`)}, "ipam: the range 10.1.0.1-10.1.255.254 overlaps with 10.1.0.1-10.1.255.254 of b (ipam in b.conf)"},
		"one within the other": {[]string{net("a", `"subnet": "10.1.0.0/16"`), net("b", `"ranges": [[{"subnet": "10.2.0.0/16"}], [{"subnet": "10.1.7.0/24"}]]`)}, "ipam: the range 10.1.0.1-10.1.255.254 overlaps with 10.1.7.1-10.1.7.254 of b (ipam.ranges[1][0] in b.conf)"},
		"a subnet shared":      {[]string{net("a", `"subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.99"`), net("b", `"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.100"`)}, ""},
		"excluded":             {[]string{net("a", `"subnet": "10.1.0.0/24", "exclude": ["10.1.0.128/25"]`), net("b", `"subnet": "10.1.0.128/25"`)}, ""},
		"one store":            {[]string{net("a", `"subnet": "10.1.0.0/16"`), net("a", `"subnet": "10.1.0.0/16"`)}, ""},
		"one name, two stores": {[]string{net("a", `"subnet": "10.1.0.0/16"`), net("a", `"subnet": "10.1.0.0/16", "dataDir": "/run/x"`)}, "ipam: the range 10.1.0.1-10.1.255.254 overlaps with 10.1.0.1-10.1.255.254 of the network of the same name in /run/x"},
		"IPv6":                 {[]string{net("a", `"subnet": "fd00::/64"`), net("b", `"subnet": "fd00::/120"`)}, "ipam: the range fd00::1-fd00::ffff:ffff:ffff:ffff overlaps with fd00::1-fd00::ff of b"},
		"a delegate":           {[]string{`{"name": "m", "type": "multus", "delegates": [` + net("d", `"subnet": "10.1.0.0/16"`) + `]}`, net("b", `"subnet": "10.1.0.0/16"`)}, "ipam: the range"},
		"one link":             {[]string{macvlan("a", "eth1", ""), macvlan("b", "eth1", "")}, "ipam: the range"},
		"two links":            {[]string{macvlan("a", "eth1", ""), macvlan("b", "eth2", "")}, "note: ipam: the range"},
		"two VLANs":            {[]string{macvlan("a", "eth1", `, "vlanId": 7`), macvlan("b", "eth1", "")}, "note: ipam: the range"},
		"a link and a bridge":  {[]string{macvlan("a", "eth1", ""), net("b", `"subnet": "10.1.0.0/16"`)}, "ipam: the range"},
	} {
		found := lines(lint.Node(together(t, c.texts...), nil))
		if c.want == "" {
			require.Empty(t, found, name)
			continue
		}
		require.Len(t, found, 1, name)
		require.True(t, strings.HasPrefix(found[0], c.want), "%s: %s", name, found[0])
	}
	three := lint.Node(together(t, net("a", `"subnet": "10.1.0.0/16"`), net("b", `"subnet": "10.1.0.0/16"`), net("c", `"subnet": "10.1.0.0/16"`)), nil)
	require.Len(t, three, 3)
	require.True(t, three[0].About("a") && three[0].About("b") && !three[0].About("c"))
}

func TestHostAddrInRange(t *testing.T) {
	host := []lint.HostAddr{{Interface: "lo", Addr: netip.MustParseAddr("127.0.0.1")}, {Interface: "eth0", Addr: netip.MustParseAddr("10.1.2.9")}}
	found := lint.Node(together(t, net("n", `"subnet": "10.1.2.0/24"`)), host)
	require.Equal(t, []string{`ipam: the range 10.1.2.1-10.1.2.254 includes 10.1.2.9, an address of this host (eth0): a container will get it; write "exclude": ["10.1.2.9"] in ipam, or end the range before it`}, lines(found))
	require.Equal(t, host[1].Addr, found[0].Addr)
	for _, ipam := range []string{
		`"subnet": "10.1.2.0/24", "exclude": ["10.1.2.9"]`, `"subnet": "10.1.2.0/24", "gateway": "10.1.2.9"`,
		`"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10"`, `"subnet": "10.1.3.0/24"`,
	} {
		require.Empty(t, lint.Node(together(t, net("n", ipam)), host), ipam)
	}
}

func TestHostAddrs(t *testing.T) {
	addrs, err := lint.HostAddrs()
	require.NoError(t, err)
	for _, a := range addrs {
		require.True(t, a.Addr.IsValid() && !a.Addr.Is4In6() && a.Interface != "", "%v", a)
	}
}

// Configurations in use have no findings, except those in testdata for a finding.
func TestConfigurationsInUse(t *testing.T) {
	n, err := netconf.Read("../netconf/testdata/node")
	require.NoError(t, err)
	var found []string
	for _, f := range lint.Node(n, nil) {
		found = append(found, f.Network)
	}
	require.Equal(t, []string{"rejected"}, found)
}
