package lint

import (
	"net"
	"net/netip"
)

// A HostAddr is an address of an interface of the host.
type HostAddr struct {
	Interface string
	Addr      netip.Addr
}

// HostAddrs returns the addresses of all interfaces in the network namespace of the
// program: the host's, unless it runs in a container.
func HostAddrs() ([]HostAddr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []HostAddr
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue // It was removed meanwhile.
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if addr, ok := netip.AddrFromSlice(n.IP); ok {
					all = append(all, HostAddr{i.Name, addr.Unmap()})
				}
			}
		}
	}
	return all, nil
}
