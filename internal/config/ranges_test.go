package config_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRanges(t *testing.T) {
	for name, tt := range map[string]struct{ stdin, want string }{
		"single range": {
			conf(`"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.9", "rangeEnd": "10.1.2.17", "gateway": "10.1.2.30"`),
			"10.1.2.0/24 10.1.2.9-10.1.2.17 10.1.2.30",
		},
		"keys in any case, old names": {
			`{"NAME": "net", "Ipam": {"Subnet": "10.1.2.0/24", "Range-Start": "10.1.2.9"}}`,
			"10.1.2.0/24 10.1.2.9-10.1.2.254 10.1.2.1",
		},
		"single range goes before ranges": {
			conf(`"ranges": [[{"subnet": "10.1.4.0/24"}]], "subnet": "10.1.2.0/24"`),
			"10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1 | 10.1.4.0/24 10.1.4.1-10.1.4.254 10.1.4.1",
		},
		"runtimeConfig goes before everything": {
			`{"cniVersion": "1.0.0", "name": "net",
				"runtimeConfig": {"ipRanges": [[{"subnet": "10.1.6.0/24"}], [{"subnet": "10.1.8.0/24"}]]},
				"ipam": {"ranges": [[{"subnet": "10.1.4.0/24"}]], "subnet": "10.1.2.0/24"}}`,
			"10.1.6.0/24 10.1.6.1-10.1.6.254 10.1.6.1 | 10.1.8.0/24 10.1.8.1-10.1.8.254 10.1.8.1 | " +
				"10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1 | 10.1.4.0/24 10.1.4.1-10.1.4.254 10.1.4.1",
		},
		"runtimeConfig only": {
			`{"name": "net", "runtimeConfig": {"ipRanges": [[{"subnet": "fd00::/112", "gateway": "none"}]]}, "ipam": {}}`,
			"fd00::/112 fd00::1-fd00::ffff none",
		},
		"a single range without subnet is none": {
			conf(`"gateway": "10.9.9.9", "rangeStart": "10.9.9.9", "ranges": [[{"subnet": "10.1.4.0/24"}]]`),
			"10.1.4.0/24 10.1.4.1-10.1.4.254 10.1.4.1",
		},
		"old names in ranges, independent of each other": {
			conf(`"ranges": [[{"subnet": "10.1.4.7/24", "range-end": "10.1.4.9"}, {"subnet": "10.1.5.0/24", "rangeEnd": "10.1.5.9"}]]`),
			"10.1.4.0/24 10.1.4.1-10.1.4.9 10.1.4.1 + 10.1.5.0/24 10.1.5.1-10.1.5.9 10.1.5.1",
		},
		"IPv4 in IPv6 form": {
			conf(`"subnet": "10.1.2.0/24", "rangeStart": "::ffff:10.1.2.9", "rangeEnd": "::ffff:a01:211", "gateway": "::ffff:10.1.2.30"`),
			"10.1.2.0/24 10.1.2.9-10.1.2.17 10.1.2.30",
		},
		"leading zeros in IPv6": {
			conf(`"subnet": "3ffe:ffff:0:01ff::/64", "rangeStart": "3ffe:ffff:0:01ff::0010", "rangeEnd": "3ffe:ffff:0:01ff::0020"`),
			"3ffe:ffff:0:1ff::/64 3ffe:ffff:0:1ff::10-3ffe:ffff:0:1ff::20 3ffe:ffff:0:1ff::1",
		},
		"leading zeros in the length": {
			conf(`"subnet": "10.1.2.0/024"`),
			"10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1",
		},
		"empty and null are not set": {
			conf(`"subnet": "10.1.2.0/24", "rangeStart": "", "rangeEnd": null, "gateway": "", "range-start": null,
				"ranges": null, "routes": null, "exclude": null, "dataDir": null, "resolvConf": null, "backend": "",
				"lockTimeout": "", "onReboot": null, "onDuplicate": "", "exhaustedStatus": ""`),
			"10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1",
		},
		"gateway outside the subnet": {
			conf(`"subnet": "10.1.2.0/24", "gateway": "10.9.9.9"`),
			"10.1.2.0/24 10.1.2.1-10.1.2.254 10.9.9.9",
		},
		"gateway of the other family": {
			conf(`"subnet": "10.1.2.0/24", "gateway": "fd00::1"`),
			"10.1.2.0/24 10.1.2.1-10.1.2.254 fd00::1",
		},
		"small subnets": {
			conf(`"ranges": [[{"subnet": "10.1.2.0/31"}, {"subnet": "10.1.2.2/32"}], [{"subnet": "fd00::/127"}, {"subnet": "fd00::2/128"}]]`),
			"10.1.2.0/31 10.1.2.0-10.1.2.1 none + 10.1.2.2/32 10.1.2.2-10.1.2.2 none | " +
				"fd00::/127 fd00::-fd00::1 none + fd00::2/128 fd00::2-fd00::2 none",
		},
		"unknown keys": {
			conf(`"subnet": "10.1.2.0/24", "bogus": [1, {"a": null}], "ranges": []`),
			"10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1",
		},
		"a later key replaces an earlier one": {
			conf(`"subnet": "10.9.9.0/24", "subnet": "10.1.2.0/24", "gateway": "10.1.2.9", "gateway": ""`),
			"10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, describe(parse(t, tt.stdin).Pool))
		})
	}
}

func TestExclude(t *testing.T) {
	c := parse(t, `{
		"cniVersion": "1.0.0", "name": "net",
		"runtimeConfig": {"ipRanges": [[{"subnet": "10.1.2.0/24", "exclude": ["10.1.2.7"]}]]},
		"ipam": {
			"exclude": ["10.1.2.8/29", "10.1.3.20-10.1.3.29", "fd00::5", "192.0.2.1"],
			"subnet": "10.1.3.0/24",
			"ranges": [[{"subnet": "fd00::/64", "exclude": ["fd00::10-fd00::1f"]}]]
		}
	}`)
	sets := c.Pool.Sets()
	require.Len(t, sets, 3)
	leasable := func(addr string) bool {
		for _, set := range sets {
			if set.Ranges()[0].Leasable(netip.MustParseAddr(addr)) {
				return true
			}
		}
		return false
	}
	for _, addr := range []string{
		"10.1.2.7", "10.1.2.8", "10.1.2.15", "10.1.3.20", "10.1.3.29", "fd00::5", "fd00::10", "fd00::1f",
	} {
		require.False(t, leasable(addr), addr)
	}
	for _, addr := range []string{
		"10.1.2.6", "10.1.2.16", "10.1.3.7", "10.1.3.8", "10.1.3.19", "10.1.3.30", "fd00::4", "fd00::6", "fd00::20",
	} {
		require.True(t, leasable(addr), addr)
	}
	require.EqualValues(t, 254-1-10, sets[1].Size(), "excludes of ipam count once for its own range")
}
