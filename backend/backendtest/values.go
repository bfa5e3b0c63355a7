package backendtest

import (
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func ips(addrs ...string) []netip.Addr {
	var all []netip.Addr
	for _, s := range addrs {
		all = append(all, ip(s))
	}
	return all
}

// eth0 is the owner in tests that need no particular one.
var eth0 = backend.Owner{ContainerID: "4f1c0a", IfName: "eth0"}

// lease returns a lease with every field set.
func lease(addr netip.Addr, o backend.Owner) backend.Lease {
	return backend.Lease{
		Addr:  addr,
		Owner: o,
		Since: time.Date(2025, 2, 28, 23, 59, 58, 0, time.UTC),
		Boot:  "5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77",
		Pod:   backend.Pod{Namespace: "default", Name: "web-0"},
		Netns: "/run/netns/" + addr.String(),
	}
}

// leased returns a lease of each address to eth0.
func leased(addrs ...string) []backend.Lease {
	var all []backend.Lease
	for _, addr := range ips(addrs...) {
		all = append(all, lease(addr, eth0))
	}
	return all
}
