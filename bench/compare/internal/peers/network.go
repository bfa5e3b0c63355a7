package peers

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
)

// A Network is the configuration that the runtime hands to a plugin.
type Network struct {
	// DataDir is the directory that holds the store.
	DataDir string

	// Backend is the value of that key. If it is empty the key is left out, as in every
	// configuration written for the stock plugin.
	Backend string

	// Subnets are the range sets, of one range each: a container gets an address of each.
	Subnets []netip.Prefix
}

const (
	networkName = "bench" // the store has the same name
	cniVersion  = "1.0.0"
)

// Path returns the path of the store.
func (n Network) Path() string { return filepath.Join(n.DataDir, networkName) }

// Stdin returns the plugin's standard input: the configuration of a bridge network and,
// except for an ADD, the result of the ADD that gave these addresses.
func (n Network) Stdin(command string, addrs []netip.Addr) []byte {
	type object map[string]any
	var ranges, routes, ips []any
	for i, subnet := range n.Subnets {
		dst := "::/0"
		if subnet.Addr().Is4() {
			dst = "0.0.0.0/0"
		}
		ranges = append(ranges, []any{object{"subnet": subnet}})
		routes = append(routes, object{"dst": dst})
		if i < len(addrs) {
			prefix := netip.PrefixFrom(addrs[i], subnet.Bits())
			ips = append(ips, object{"address": prefix, "gateway": subnet.Addr().Next()})
		}
	}
	ipam := object{"type": "host-local", "dataDir": n.DataDir, "ranges": ranges, "routes": routes}
	if n.Backend != "" {
		ipam["backend"] = n.Backend
	}
	conf := object{
		"cniVersion": cniVersion, "name": networkName, "type": "bridge", "bridge": "cni0",
		"isGateway": true, "ipMasq": true, "ipam": ipam,
	}
	if command != "ADD" {
		conf["prevResult"] = object{"cniVersion": cniVersion, "ips": ips, "routes": routes}
	}
	text, err := json.Marshal(conf)
	if err != nil {
		panic(err) // of texts and addresses everything can be encoded
	}
	return text
}
