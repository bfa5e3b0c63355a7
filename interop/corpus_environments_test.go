package interop

import "strings"

// Rows about the environment and commands other than ADD.

func acceptedEnvironments() []row {
	own := []earlier{{attachment{"c1", "eth0"}, ""}}
	long := strings.Repeat("c", 200)
	other := `"cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]`
	return []row{
		{name: "container ID of Docker", conf: ipam(ipv4), env: map[string]string{"CNI_CONTAINERID": strings.Repeat("0123456789abcdef", 4)}},
		{name: "container ID with all allowed characters", conf: ipam(ipv4), env: map[string]string{"CNI_CONTAINERID": "0aZ_.-"}},
		{name: "long container ID", conf: ipam(ipv4), env: map[string]string{"CNI_CONTAINERID": long}},
		{name: "long interface name", conf: ipam(ipv4), env: map[string]string{"CNI_IFNAME": "abcdefghijklmno"}},
		{name: "odd interface name", conf: ipam(ipv4), env: map[string]string{"CNI_IFNAME": "e\\t%h-é"}},
		{name: "network namespace of the plugin, overridden", conf: ipam(ipv4), env: map[string]string{"CNI_NETNS": "/proc/self/ns/net", "CNI_NETNS_OVERRIDE": "1"}},
		{name: "no CNI_ARGS", conf: ipam(ipv4)},

		{name: "DEL", command: "DEL", conf: ipam(dual), earlier: own},
		{name: "DEL, nothing leased", command: "DEL", conf: ipam(dual)},
		{name: "DEL without a network namespace", command: "DEL", conf: ipam(dual), earlier: own, env: map[string]string{"CNI_NETNS": ""}},
		{name: "DEL with a resolv.conf that is gone", command: "DEL", conf: ipam(ipv4 + `, "resolvConf": "/nonexistent/resolv.conf"`)},
		{name: "DEL of an address asked for", command: "DEL", conf: ipam(ipv4), earlier: own, args: "IP=10.1.2.9"},
		{name: "DEL in 0.1.0", command: "DEL", conf: withVersion("0.1.0", ipv4), earlier: own},
		{name: "CHECK", command: "CHECK", conf: ipam(dual), earlier: own},
		{name: "CHECK in 0.4.0", command: "CHECK", conf: withVersion("0.4.0", dual), earlier: own},
		{name: "CHECK with the result", command: "CHECK", earlier: own,
			conf: topLevel(`"prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.2/24"}]}`, ipv4)},
		{name: "GC", command: "GC", conf: gcConf(other, ipv4), earlier: own},
		{name: "GC, nothing leased", command: "GC", conf: gcConf(other, ipv4)},
		{name: "GC with an empty list", command: "GC", conf: gcConf(`"cni.dev/valid-attachments": []`, ipv4), earlier: own},
		{name: "GC with a null list", command: "GC", conf: gcConf(`"cni.dev/valid-attachments": null`, ipv4), earlier: own},
		{name: "STATUS", command: "STATUS", conf: withVersion("1.1.0", ipv4), earlier: own},
		{name: "STATUS of a full pool", command: "STATUS", conf: withVersion("1.1.0", `"subnet": "10.1.2.0/30"`), earlier: own},
		{name: "STATUS, nothing leased", command: "STATUS", conf: withVersion("1.1.0", ipv4)},
		{name: "STATUS without a container", command: "STATUS", conf: withVersion("1.1.0", ipv4), env: map[string]string{"CNI_CONTAINERID": "", "CNI_IFNAME": "", "CNI_NETNS": ""}},
		{name: "VERSION", command: "VERSION", env: map[string]string{"CNI_CONTAINERID": "", "CNI_IFNAME": "", "CNI_NETNS": "", "CNI_PATH": ""}},
		{name: "VERSION of nothing", command: "VERSION", conf: "x"},
		{name: "no command", conf: ipam(ipv4), env: map[string]string{"CNI_COMMAND": ""}},
	}
}

func refusedEnvironments() []row {
	rows := []row{
		{name: "no container ID", conf: ipam(ipv4), env: map[string]string{"CNI_CONTAINERID": ""}},
		{name: "DEL without a container ID", command: "DEL", conf: ipam(ipv4), env: map[string]string{"CNI_CONTAINERID": ""}},
		{name: "DEL of a bad container ID", command: "DEL", conf: ipam(ipv4), env: map[string]string{"CNI_CONTAINERID": "*"}},
		{name: "DEL of nothing", command: "DEL"},
		{name: "DEL without a name", command: "DEL", conf: `{"cniVersion": "1.0.0", "ipam": {STORE, "subnet": "10.1.2.0/24"}}`},
		{name: "DEL without ipam", command: "DEL", conf: `{"cniVersion": "1.0.0", "name": "net"}`},
		{name: "DEL of an unknown version", command: "DEL", conf: withVersion("9.9.9", ipv4)},
		{name: "CHECK, nothing leased", command: "CHECK", conf: ipam(ipv4)},
		{name: "CHECK, leased to another", command: "CHECK", conf: ipam(ipv4), earlier: []earlier{{attachment{"c2", "eth0"}, ""}}},
		{name: "CHECK of another interface", command: "CHECK", conf: ipam(ipv4), earlier: []earlier{{attachment{"c1", "net1"}, ""}}},
		{name: "CHECK in 0.3.1", command: "CHECK", conf: withVersion("0.3.1", ipv4), earlier: []earlier{{attachment{"c1", "eth0"}, ""}}},
		{name: "CHECK without ranges", command: "CHECK", conf: ipam(`"type": "host-local"`)},
		{name: "GC in 1.0.0", command: "GC", conf: ipam(ipv4)},
		{name: "GC of nothing", command: "GC"},
		{name: "GC without ipam", command: "GC", conf: `{"cniVersion": "1.1.0", "name": "net"}`},
		{name: "GC with a list of the wrong type", command: "GC", conf: gcConf(`"cni.dev/valid-attachments": "c1"`, ipv4), earlier: []earlier{{attachment{"c1", "eth0"}, ""}}},
		{name: "STATUS in 1.0.0", command: "STATUS", conf: ipam(ipv4)},
		{name: "STATUS of nothing", command: "STATUS"},
		{name: "command in lower case", command: "add", conf: ipam(ipv4)},
		{name: "unknown command", command: "UPDATE", conf: ipam(ipv4)},
	}
	for _, id := range []string{"-c", "_c", ".", "..", "a/b", "a b", "a:b", "a\nb", "é", "*"} {
		rows = append(rows, row{name: "container ID <" + id + ">", conf: ipam(ipv4), env: map[string]string{"CNI_CONTAINERID": id}})
	}
	for _, name := range []string{"abcdefghijklmnop", ".", "..", "a/b", "a:b", "a b", "a\tb", "\u00a0"} {
		rows = append(rows, row{name: "interface <" + name + ">", conf: ipam(ipv4), env: map[string]string{"CNI_IFNAME": name}})
	}
	return rows
}
