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
}

// networkName is the name of the network, and of its store.
const networkName = "bench"

// The one range of the network, and the first of its addresses that is no gateway.
var (
	subnet    = netip.MustParsePrefix("10.0.0.0/8")
	gateway   = subnet.Addr().Next()
	firstAddr = gateway.Next()
)

// Path returns the place of the store.
func (n Network) Path() string { return filepath.Join(n.DataDir, networkName) }

// Prefix returns a container's address as the result of an ADD has it.
func Prefix(c Container) netip.Prefix { return netip.PrefixFrom(c.Addr(), subnet.Bits()) }

// For returns what the plugin finds on its standard input: the configuration of a
// bridge network and, where the runtime already has one, the result of the ADD.
func (n Network) For(command string, c Container) ([]byte, error) {
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
			Ranges:  [][]addressRange{{{subnet}}},
			Routes:  routes(),
		},
	}
	if command != "ADD" {
		conf.PrevResult = &result{
			CNIVersion: version,
			IPs:        []ipConfig{{Prefix(c), gateway}},
			Routes:     routes(),
		}
	}
	return json.Marshal(conf)
}

const version = "1.0.0"

func routes() []route { return []route{{"0.0.0.0/0"}} }

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
