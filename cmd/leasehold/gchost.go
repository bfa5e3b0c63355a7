package main

import (
	"cmp"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/netns"
)

// A host says of leases whether they are in use on it.
type host struct {
	states map[string]netns.State // by path: an attachment has an address of each family

	// search has the addresses of all namespaces looked for: a list that none of the
	// holders is on protects none of them, and lease files, whose time can be wrong, name
	// no namespace. A list that is right makes that unnecessary.
	search bool
	held   map[netip.Addr]string // in which namespace; nil until it is asked for
}

func newHost(search bool) *host { return &host{states: make(map[string]netns.State), search: search} }

// uses says how a lease is known to be in use, or returns "".
func (h *host) uses(l backend.Lease) string {
	if h.namespace(l) == netns.Exists {
		return "its network namespace exists: " + namespaceOf(l)
	}
	if !h.search {
		return ""
	}
	if h.held == nil {
		h.held = netns.Addresses()
	}
	if path := h.held[l.Addr]; path != "" {
		return "the address is configured in a network namespace: " + path
	}
	return ""
}

// namespace looks at the namespace of a lease.
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

// namespaceOf returns the path of the namespace that a lease names or, if it names none,
// that the ID of its container does.
func namespaceOf(l backend.Lease) string {
	maker, _ := attachments.MadeBy(l.Owner.ContainerID)
	return cmp.Or(l.Netns, maker.Netns)
}
