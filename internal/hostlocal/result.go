package hostlocal

import (
	"encoding/json"
	"io"
	"net"
	"net/netip"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
)

// writeResult writes the result of an ADD, in the CNI version of the configuration, with a
// single write.
func writeResult(w io.Writer, c *config.Config, got []allocator.Assignment, dns types.DNS) error {
	encode := encodeOld
	if c.CNIVersion == "1.0.0" || c.CNIVersion == "1.1.0" {
		encode = encodeNew
	}
	text, err := encode(c, got, dns)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

const indent = "    " // the stock plugin's

// encodeOld encodes the result for versions before 1.0.0, converted by the CNI library.
func encodeOld(c *config.Config, got []allocator.Assignment, dns types.DNS) ([]byte, error) {
	result := &types100.Result{CNIVersion: types100.ImplementedSpecVersion, Routes: c.Routes, DNS: dns}
	for _, as := range got {
		result.IPs = append(result.IPs, &types100.IPConfig{Address: ipNet(as.Addr), Gateway: as.Gateway.AsSlice()})
	}
	converted, err := result.GetAsVersion(c.CNIVersion)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(converted, "", indent)
}

func ipNet(p netip.Prefix) net.IPNet {
	return net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// encodeNew encodes the result for CNI 1.0.0 and later, which share one format. The library
// would encode JSON three times, and every ADD would wait for that.
func encodeNew(c *config.Config, got []allocator.Assignment, dns types.DNS) ([]byte, error) {
	type ip struct {
		Address netip.Prefix `json:"address"`
		Gateway string       `json:"gateway,omitempty"`
	}
	result := struct {
		CNIVersion string         `json:"cniVersion"`
		IPs        []ip           `json:"ips"`
		Routes     []*types.Route `json:"routes,omitempty"`
		DNS        *types.DNS     `json:"dns,omitempty"`
	}{CNIVersion: c.CNIVersion, Routes: c.Routes}
	for _, as := range got {
		i := ip{Address: as.Addr}
		if as.Gateway.IsValid() {
			i.Gateway = as.Gateway.String()
		}
		result.IPs = append(result.IPs, i)
	}
	if !dns.IsEmpty() {
		result.DNS = &dns
	}
	return json.MarshalIndent(result, "", indent)
}
