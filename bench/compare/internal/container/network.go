package container

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
)

// A Network is the configuration that the runtime hands to a plugin.
type Network struct {
	// DataDir is the directory below which the leases are.
	DataDir string

	// Backend is the value of the key of that name. If it is empty the key is
	// left out, as in every configuration written for the stock plugin.
	Backend string

	// Subnets are the range sets, of one range each: a container gets an
	// address of each.
	Subnets []netip.Prefix
}

// networkName is the name of the network, and of its store.
const networkName = "bench"

// Path returns the place of the store.
func (n Network) Path() string { return filepath.Join(n.DataDir, networkName) }

// Prefixes returns addresses, one of each subnet, as the result of an ADD has them.
func (n Network) Prefixes(addrs []netip.Addr) []netip.Prefix {
	all := make([]netip.Prefix, len(addrs))
	for i, addr := range addrs {
		all[i] = netip.PrefixFrom(addr, n.Subnets[i].Bits())
	}
	return all
}

// For returns what the plugin finds on its standard input: the configuration of a
// bridge network and, where the runtime already has one, the result of the ADD,
// which gave these addresses.
func (n Network) For(command string, addrs []netip.Addr) ([]byte, error) {
	conf := netConf{
		CNIVersion: version,
		Name:       networkName,
		Type:       "bridge",
		Bridge:     "cni0",
		IsGateway:  true,
		IPMasq:     true,
		IPAM: ipam{
			Type:    "host-local",
			Backend: n.Backend,
			DataDir: n.DataDir,
			Ranges:  n.ranges(),
			Routes:  n.routes(),
		},
	}
	if command != "ADD" {
		conf.PrevResult = &result{CNIVersion: version, IPs: n.ips(addrs), Routes: n.routes()}
	}
	return json.Marshal(conf)
}

const version = "1.0.0"

func (n Network) ranges() [][]addressRange {
	var sets [][]addressRange
	for _, subnet := range n.Subnets {
		sets = append(sets, []addressRange{{subnet}})
	}
	return sets
}

func (n Network) routes() []route {
	var all []route
	for _, subnet := range n.Subnets {
		if subnet.Addr().Is4() {
			all = append(all, route{"0.0.0.0/0"})
		} else {
			all = append(all, route{"::/0"})
		}
	}
	return all
}

func (n Network) ips(addrs []netip.Addr) []ipConfig {
	var all []ipConfig
	for i, p := range n.Prefixes(addrs) {
		all = append(all, ipConfig{p, n.Subnets[i].Addr().Next()})
	}
	return all
}

type netConf struct {
	CNIVersion string  `json:"cniVersion"`
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Bridge     string  `json:"bridge"`
	IsGateway  bool    `json:"isGateway"`
	IPMasq     bool    `json:"ipMasq"`
	IPAM       ipam    `json:"ipam"`
	PrevResult *result `json:"prevResult,omitempty"`
}

type ipam struct {
	Type    string           `json:"type"`
	Backend string           `json:"backend,omitempty"`
	DataDir string           `json:"dataDir"`
	Ranges  [][]addressRange `json:"ranges"`
	Routes  []route          `json:"routes"`
}

type addressRange struct {
	Subnet netip.Prefix `json:"subnet"`
}

type route struct {
	Dst string `json:"dst"`
}

type result struct {
	CNIVersion string     `json:"cniVersion"`
	IPs        []ipConfig `json:"ips"`
	Routes     []route    `json:"routes"`
}

type ipConfig struct {
	Address netip.Prefix `json:"address"`
	Gateway netip.Addr   `json:"gateway"`
}
