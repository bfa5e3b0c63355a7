package hostlocal

import (
	"bytes"
	"io"
	"net"
	"net/netip"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
)

// writeResult writes the result of an ADD, in the version of the configuration,
// with a single write.
func writeResult(w io.Writer, c *config.Config, got []allocator.Assignment, dns types.DNS) error {
	result := &types100.Result{CNIVersion: types100.ImplementedSpecVersion, Routes: c.Routes, DNS: dns}
	for _, as := range got {
		result.IPs = append(result.IPs, &types100.IPConfig{Address: ipNet(as.Addr), Gateway: as.Gateway.AsSlice()})
	}
	converted, err := result.GetAsVersion(c.CNIVersion)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := converted.PrintTo(&text); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err = w.Write(text.Bytes())
	return err
}

func ipNet(p netip.Prefix) net.IPNet {
	return net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
