package main

import (
	"cmp"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/netns"
)

// A host finds out whether leases are in use on this host.
type host struct {
	states map[string]netns.State // cache by path: a dual-stack attachment has two leases

	// search makes uses look for the address of a lease in all namespaces. It is set if no
	// container on the list holds an address: such a list protects no container, lease files
	// record no namespace, and the time of a file can be wrong. Otherwise it is not needed.
	search     bool
	namespaces map[netip.Addr]string // addresses to namespaces; nil until the first search
}

func newHost(search bool) *host { return &host{states: make(map[string]netns.State), search: search} }

// uses says why a lease is known to be in use, or returns "".
func (h *host) uses(l backend.Lease) string {
	if h.namespace(l) == netns.Exists {
		return "its network namespace exists: " + namespaceOf(l)
	}
	if !h.search {
		return ""
	}
	if h.namespaces == nil {
		h.namespaces = netns.Addresses()
	}
	if path := h.namespaces[l.Addr]; path != "" {
		return "the address is configured in a network namespace: " + path
	}
	return ""
}

// namespace returns the state of the lease's network namespace.
func (h *host) namespace(l backend.Lease) netns.State {
	path := namespaceOf(l)
	if path == "" {
		return netns.Unknown
	}
	state, ok := h.states[path]
	if !ok {
		state = netns.Look(path)
		h.states[path] = state
	}
	return state
}

// namespaceOf returns the path of the lease's network namespace, from the lease or else from
// the container ID.
func namespaceOf(l backend.Lease) string {
	maker, _ := attachments.MadeBy(l.Owner.ContainerID)
	return cmp.Or(l.Netns, maker.Netns)
}
