package storekit_test

import (
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// lease returns a lease with every field set.
func lease(addr string) backend.Lease {
	return backend.Lease{
		Addr:  ip(addr),
		Owner: backend.Owner{ContainerID: "c " + addr, IfName: "eth0"},
		Since: time.Date(2025, 2, 28, 23, 59, 58, 0, time.UTC),
		Boot:  "5b2f7c9e",
		Pod:   backend.Pod{Namespace: "default", Name: "web-0"},
		Netns: "/run/netns/c",
	}
}
