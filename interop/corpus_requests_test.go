package interop

// Rows about requested addresses.

const pool = `"subnet": "10.1.2.0/24", "ranges": [[{"subnet": "fd00::/64"}]]`

func acceptedRequests() []row {
	return []row{
		{name: "CNI_ARGS", conf: ipam(pool), args: "IP=10.1.2.10"},
		{name: "CNI_ARGS with a length", conf: ipam(pool), args: "IP=10.1.2.11/8"},
		{name: "CNI_ARGS, IPv6", conf: ipam(pool), args: "IP=FD00:0::A"},
		{name: "CNI_ARGS, IPv4 in IPv6 form", conf: ipam(pool), args: "IP=::ffff:10.1.2.10"},
		{name: "CNI_ARGS, no address", conf: ipam(pool), args: "IP="},
		{name: "CNI_ARGS, the last of two", conf: ipam(pool), args: "IP=10.9.9.9;IP=10.1.2.10"},
		{name: "CNI_ARGS, an address and then none", conf: ipam(pool), args: "IP=10.1.2.10;IP="},
		{name: "CNI_ARGS, unknown keys", conf: ipam(pool), args: "A=1;IgnoreUnknown=true;B="},
		{name: "CNI_ARGS, known keys only", conf: ipam(pool), args: "IgnoreUnknown=False;IP=10.1.2.10"},
		{name: "CNI_ARGS of Kubernetes", conf: ipam(pool), args: "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u"},

		{name: "args", conf: topLevel(`"args": {"cni": {"ips": ["10.1.2.11", "fd00::11"]}}`, pool)},
		{name: "args with lengths", conf: topLevel(`"args": {"cni": {"ips": ["fd00::11/64", "10.1.2.11/24"]}}`, pool)},
		{name: "null args", conf: topLevel(`"args": null`, pool)},
		{name: "args of others", conf: topLevel(`"args": {"labels": [{"key": "a"}]}`, pool)},
		{name: "null args of CNI", conf: topLevel(`"args": {"cni": null}`, pool)},
		{name: "null addresses", conf: topLevel(`"args": {"cni": {"ips": null}}, "runtimeConfig": {"ips": null}`, pool)},
		{name: "no addresses", conf: topLevel(`"args": {"cni": {"ips": []}}, "runtimeConfig": {"ips": []}`, pool)},
		{name: "runtime", conf: topLevel(`"runtimeConfig": {"ips": ["10.1.2.5/24", "fd00::5"]}`, pool)},
		{name: "all three ways", conf: topLevel(`"args": {"cni": {"ips": ["10.1.2.10"]}}, "runtimeConfig": {"ips": ["fd00::5", "10.1.2.10/24"]}`, pool), args: "IP=10.1.2.10"},

		{name: "last address", conf: ipam(pool), args: "IP=10.1.2.254"},
		{name: "broadcast address within the range", conf: ipam(`"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.255"`), args: "IP=10.1.2.255"},
		{name: "gateway of another range", conf: ipam(`"ranges": [[{"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.9", "gateway": "10.1.2.20"}, {"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10"}]]`), args: "IP=10.1.2.20"},
		{name: "next to a leased address", conf: ipam(pool), args: "IP=10.1.2.11", earlier: []earlier{{attachment{"c2", "eth0"}, "IP=10.1.2.10"}}},
		{name: "other interface of the container", conf: ipam(pool), earlier: []earlier{{attachment{"c1", "net1"}, ""}}},
		{name: "container with a longer name", conf: ipam(pool), earlier: []earlier{{attachment{"c11", "eth0"}, ""}}},
		{name: "one address requested in three ways", args: "IP=10.1.2.9",
			conf: topLevel(`"args": {"cni": {"ips": ["10.1.2.9/24"]}}, "runtimeConfig": {"ips": ["::ffff:10.1.2.9"]}`, pool)},
	}
}

func refusedRequests() []row {
	var taken = []earlier{{attachment{"c2", "eth0"}, "IP=10.1.2.10"}}
	var own = []earlier{{attachment{"c1", "eth0"}, ""}}
	return []row{
		{name: "no pair", conf: ipam(pool), args: "IP"},
		{name: "trailing semicolon", conf: ipam(pool), args: "IP=10.1.2.10;"},
		{name: "two equal signs", conf: ipam(pool), args: "IgnoreUnknown=1;A=B=C"},
		{name: "unknown key", conf: ipam(pool), args: "A=1"},
		{name: "unknown key, not ignored", conf: ipam(pool), args: "A=1;IgnoreUnknown=0"},
		{name: "not a boolean", conf: ipam(pool), args: "IgnoreUnknown=yes"},
		{name: "empty boolean", conf: ipam(pool), args: "IgnoreUnknown="},
		{name: "key in other case", conf: ipam(pool), args: "ip=10.1.2.10"},
		{name: "no address", conf: ipam(pool), args: "IP=x"},
		{name: "two addresses in one", conf: ipam(pool), args: "IP=10.1.2.10,10.1.2.11"},
		{name: "address with a bad length", conf: ipam(pool), args: "IP=10.1.2.10/33"},
		{name: "address with a zone", conf: ipam(pool), args: "IP=fe80::1%eth0"},
		{name: "octal address", conf: ipam(pool), args: "IP=10.1.2.010"},
		{name: "args, no address", conf: topLevel(`"args": {"cni": {"ips": ["x"]}}`, pool)},
		{name: "args, empty address", conf: topLevel(`"args": {"cni": {"ips": ["10.1.2.10", ""]}}`, pool)},
		{name: "args, null address", conf: topLevel(`"args": {"cni": {"ips": [null]}}`, pool)},
		{name: "runtime, empty address", conf: topLevel(`"runtimeConfig": {"ips": [""]}`, pool)},
		{name: "runtime, address with a space", conf: topLevel(`"runtimeConfig": {"ips": [" 10.1.2.10"]}`, pool)},

		{name: "address in no range", conf: ipam(pool), args: "IP=10.9.9.9"},
		{name: "address beyond the range", conf: ipam(`"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.9"`), args: "IP=10.1.2.10"},
		{name: "network address", conf: ipam(pool), args: "IP=10.1.2.0"},
		{name: "broadcast address", conf: ipam(pool), args: "IP=10.1.2.255"},
		{name: "unspecified address", conf: ipam(pool), args: "IP=0.0.0.0"},
		{name: "address of a family without ranges", conf: ipam(ipv4), args: "IP=fd00::9"},
		{name: "one of several addresses in no range", conf: topLevel(`"args": {"cni": {"ips": ["10.1.2.10", "fd01::9"]}}`, pool)},
		{name: "two addresses of one set", says: "failed to allocate all requested IPs: 10.1.2.11", conf: topLevel(`"runtimeConfig": {"ips": ["10.1.2.10", "10.1.2.11"]}`, ipv4)},
		{name: "gateway", conf: ipam(pool), args: "IP=10.1.2.1"},
		{name: "IPv6 gateway", conf: ipam(pool), args: "IP=fd00::1"},
		{name: "leased address", conf: ipam(ipv4), args: "IP=10.1.2.10", earlier: taken},
		{name: "leased address, two sets", conf: ipam(pool), args: "IP=10.1.2.10", earlier: taken},
		{name: "a second time", conf: ipam(ipv4), earlier: own},
		{name: "a second time, two families", conf: ipam(pool), earlier: own},
		{name: "its own address again", says: "failed to allocate for range 0: 10.1.2.2 has been allocated to c1, duplicate allocation is not allowed",
			conf: ipam(ipv4), args: "IP=10.1.2.2", earlier: own},
		{name: "only a gateway", conf: ipam(`"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.1"`)},
		{name: "no address left", conf: ipam(`"subnet": "10.1.2.0/30"`), earlier: []earlier{{attachment{"c2", "eth0"}, ""}}},
		{name: "no address left in the second set", conf: ipam(`"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/30"}]]`), earlier: []earlier{{attachment{"c2", "eth0"}, ""}}},
	}
}
