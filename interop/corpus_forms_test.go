package interop

import "strings"

// Rows about the form of the configuration.

func acceptedForms() []row {
	routes := `, "routes": [{"dst": "0.0.0.0/0", "gw": null}, {"dst": "10.9.8.7/16", "gw": ""}, {"dst": "10.0.0.0/8", "other": 1}]`
	return []row{
		{name: "white space", conf: "\n\t" + ipam("\n"+ipv4+"\r\n") + "\n\n"},
		{name: "unknown keys", conf: topLevel(`"type": "bridge", "bridge": "cni0", "mtu": 1500, "capabilities": {"ips": true}`, ipv4+`, "x-comment": {"a": [1]}`)},
		{name: "null for all optional keys", conf: topLevel(`"prevResult": null`, ipv4+`, "type": null, "routes": null, "resolvConf": null, "name": null`)},
		{name: "another type", conf: ipam(ipv4 + `, "type": "dhcp"`)},
		{name: "name in ipam", conf: ipam(ipv4 + `, "name": "other"`)},
		{name: "escaped letters", conf: ipam(`"sub\u006eet": "10.1.2.0\/24"`)},
		{name: "keys in other case", conf: `{"CNIVersion": "1.0.0", "Name": "net", "IPAM": {STORE, "RANGES": [[{"SUBNET": "10.1.2.0/24"}]]}}`},
		{name: "routes", conf: ipam(ipv4 + routes)},
		{name: "no resolv.conf", conf: ipam(ipv4 + `, "resolvConf": ""`)},
		{name: "invalid prevResult", conf: topLevel(`"prevResult": {"ips": "none"}`, ipv4)},
		{name: "no version", conf: `{"name": "net", "ipam": {STORE, "subnet": "10.1.2.0/24"}}`},
		{name: "empty version", conf: withVersion("", ipv4)},
		{name: "null version", conf: `{"cniVersion": null, "name": "net", "ipam": {STORE, "subnet": "10.1.2.0/24"}}`},
		{name: "name of one letter", conf: named("a")},
		{name: "name of one digit", conf: named("0")},
		{name: "name with all allowed characters", conf: named("aZ09_.-")},
		{name: "name with dots", conf: named("a..b")},
		{name: "name like a file of host-local", conf: named("lock")},
		{name: "long name", conf: named(strings.Repeat("n", 200))},
	}
}

// named returns a configuration of a network with this name, which is a JSON string without
// quotes.
func named(name string) string { return replace(ipam(ipv4), `"net"`, `"`+name+`"`) }

func refusedForms() []row {
	rows := []row{
		{name: "nothing", conf: ""},
		{name: "null", conf: "null"},
		{name: "list", conf: "[]"},
		{name: "broken", conf: `{"cniVersion": "1.0.0", "name": "net", "ipam": {STORE`},
		{name: "trailing data", conf: ipam(ipv4) + " x"},
		{name: "comment", conf: "// a comment\n" + ipam(ipv4)},
		{name: "trailing comma", conf: ipam(ipv4 + ",")},
		{name: "byte order mark", conf: "\ufeff" + ipam(ipv4)},
		{name: "no ipam", conf: `{"cniVersion": "1.0.0", "name": "net"}`},
		{name: "null ipam", conf: `{"cniVersion": "1.0.0", "name": "net", "ipam": null}`},
		{name: "no name", conf: `{"cniVersion": "1.0.0", "ipam": {STORE, "subnet": "10.1.2.0/24"}}`},
		{name: "data directory that is a file", conf: `{"cniVersion": "1.0.0", "name": "net", "ipam": {"dataDir": "/dev/null", "subnet": "10.1.2.0/24"}}`},
		{name: "route without a destination", conf: ipam(ipv4 + `, "routes": [{"dst": ""}]`)},
		{name: "route to an address", conf: ipam(ipv4 + `, "routes": [{"dst": "10.0.0.0/8"}, {"dst": "10.0.0.0"}]`)},
		{name: "route with an invalid gateway", conf: ipam(ipv4 + `, "routes": [{"dst": "10.0.0.0/8", "gw": "10.0.0.0/8"}]`)},
		{name: "resolv.conf that is missing", conf: ipam(ipv4 + `, "resolvConf": "/nonexistent/resolv.conf"`)},
		{name: "resolv.conf that is a directory", conf: ipam(ipv4 + `, "resolvConf": "/"`)},
	}
	for _, name := range []string{"", "..", ".", "a/b", "/a", " a", "a ", "-a", "_a", "a:b", `a\n`, "é", `a\u0000`, "%2e"} {
		rows = append(rows, row{name: "name <" + name + ">", conf: named(name)})
	}
	for _, version := range []string{"0.0.9", "0.5.0", "1.0", "1.2.0", "9.9.9", "v1.0.0", "abc", "1.0.0.0"} {
		rows = append(rows, row{name: "version <" + version + ">", conf: withVersion(version, ipv4)})
	}
	return append(rows, wrongTypes()...)
}

// wrongTypes are keys with a value of the wrong JSON type.
func wrongTypes() []row {
	var rows []row
	for _, text := range []string{
		`"type": 5`, `"name": 5`, `"subnet": 5`, `"subnet": ["10.1.2.0/24"]`, `"rangeStart": 5`, `"rangeEnd": {}`,
		`"gateway": false`, `"ranges": {}`, `"ranges": [{"subnet": "10.1.2.0/24"}]`, `"ranges": [["10.1.2.0/24"]]`,
		`"ranges": "10.1.2.0/24"`, `"resolvConf": []`, `"routes": {"dst": "0.0.0.0/0"}`, `"routes": ["0.0.0.0/0"]`,
		`"routes": [{"dst": "0.0.0.0/0", "mtu": "1400"}]`, `"routes": [{"dst": "0.0.0.0/0", "table": 1.5}]`,
	} {
		rows = append(rows, row{name: "ipam with " + text, conf: ipam(`"subnet": "10.1.2.0/24", ` + text)})
	}
	for _, text := range []string{
		`"args": "x"`, `"args": {"cni": []}`, `"args": {"cni": {"ips": "10.1.2.3"}}`, `"args": {"cni": {"ips": [3]}}`,
		`"runtimeConfig": []`, `"runtimeConfig": {"ips": {}}`, `"runtimeConfig": {"ipRanges": [{}]}`, `"ipam": []`, `"ipam": "host-local"`,
		`"name": 5`, `"cniVersion": 1`,
	} {
		rows = append(rows, row{name: "beside ipam " + text, conf: topLevel(text, ipv4)})
	}
	return append(rows, row{name: "data directory that is a number", conf: `{"cniVersion": "1.0.0", "name": "net", "ipam": {"dataDir": 1, "subnet": "10.1.2.0/24"}}`})
}
