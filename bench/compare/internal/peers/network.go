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
func (n Network) Stdin(command string, addrs []netip.Addr) ([]byte, error) {
	conf := netConf{CNIVersion: cniVersion, Name: networkName, Type: "bridge", Bridge: "cni0", IsGateway: true, IPMasq: true}
	conf.IPAM = ipamConf{Type: "host-local", Backend: n.Backend, DataDir: n.DataDir}
	for _, subnet := range n.Subnets {
		route := map[string]string{"dst": "::/0"}
		if subnet.Addr().Is4() {
			route["dst"] = "0.0.0.0/0"
		}
		conf.IPAM.Routes = append(conf.IPAM.Routes, route)
		conf.IPAM.Ranges = append(conf.IPAM.Ranges, []map[string]netip.Prefix{{"subnet": subnet}})
	}
	if command != "ADD" {
		conf.PrevResult = &result{CNIVersion: cniVersion, Routes: conf.IPAM.Routes}
		for i, addr := range addrs {
			prefix := netip.PrefixFrom(addr, n.Subnets[i].Bits())
			conf.PrevResult.IPs = append(conf.PrevResult.IPs, ipConf{prefix, n.Subnets[i].Addr().Next()})
		}
	}
	return json.Marshal(conf)
}

type netConf struct {
	CNIVersion string   `json:"cniVersion"`
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	Bridge     string   `json:"bridge"`
	IsGateway  bool     `json:"isGateway"`
	IPMasq     bool     `json:"ipMasq"`
	IPAM       ipamConf `json:"ipam"`
	PrevResult *result  `json:"prevResult,omitempty"`
}

type ipamConf struct {
	Type    string                      `json:"type"`
	Backend string                      `json:"backend,omitempty"`
	DataDir string                      `json:"dataDir"`
	Ranges  [][]map[string]netip.Prefix `json:"ranges"`
	Routes  []map[string]string         `json:"routes"`
}

// A result is the answer to an ADD.
type result struct {
	CNIVersion string              `json:"cniVersion"`
	IPs        []ipConf            `json:"ips"`
	Routes     []map[string]string `json:"routes"`
}

type ipConf struct {
	Address netip.Prefix `json:"address"`
	Gateway netip.Addr   `json:"gateway"`
}
