package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
)

// A query selects leases by address, by pod or, with neither, by container ID.
type query struct {
	text string
	addr netip.Addr
	pod  backend.Pod // if text has a slash

	whole bool // text is not the beginning of a container ID
}

// parseQuery parses an address, NAMESPACE/POD or a container ID.
func parseQuery(text string) (query, error) {
	addr, err := parseAddr(strings.SplitN(text, "/", 2)[0]) // an address can have a prefix length
	namespace, name, isPod := strings.Cut(text, "/")
	switch {
	case err == nil:
		return query{text: text, addr: addr}, nil
	case isLikeAddr(text):
		return query{}, fmt.Errorf("%q is not an address: write one like 10.1.2.3 or fd00::3", text)
	case isPod:
		return query{text: text, pod: backend.Pod{Namespace: namespace, Name: name}}, nil
	}
	return query{text: text}, nil
}

// isLikeAddr reports whether text was meant to be an address. Digits alone are not: they can be a container
// ID, or the beginning of one, and a namespace.
func isLikeAddr(text string) bool {
	first, _, _ := strings.Cut(text, "/")
	return strings.Contains(text, ":") || strings.Trim(first, "0123456789.") == "" && (first == "" || strings.Contains(first, "."))
}

// parsePod parses NAMESPACE/POD. A name without a namespace is a container of Podman, which
// passes it to plugins as the name of a pod.
func parsePod(text string) (backend.Pod, error) {
	namespace, name, found := strings.Cut(text, "/")
	if !found {
		namespace, name = "", text
	}
	if name == "" || strings.Contains(name, "/") {
		return backend.Pod{}, fmt.Errorf("%q is not a pod: write NAMESPACE/POD", text)
	}
	return backend.Pod{Namespace: namespace, Name: name}, nil
}

// matches are the leases of all networks that a query selects.
type matches struct {
	exact    []leaseRow // leases that match the full text
	prefixed []leaseRow // leases of containers whose ID begins with the text
	podless  []string   // networks whose store does not record pods
}

// find returns the leases that q selects.
func (t *tool) find(cmd *cobra.Command, networks []network, q query) (m matches, failed error) {
	for _, n := range networks {
		leases, err := t.leasesFor(cmd, n, q)
		failed = errors.Join(failed, t.inNetwork(n, err))
		for _, l := range leases {
			switch {
			case q.selects(l):
				m.exact = append(m.exact, newLeaseRow(n.name, l))
			case q.isPrefixOf(l.Owner.ContainerID):
				m.prefixed = append(m.prefixed, newLeaseRow(n.name, l))
			}
		}
		if kind, err := n.kind(); err == nil && kind == config.Files {
			m.podless = append(m.podless, n.name)
		}
	}
	return m, failed
}

// leasesFor reads the leases that q may select: one for an address, otherwise all.
func (t *tool) leasesFor(cmd *cobra.Command, n network, q query) ([]backend.Lease, error) {
	if !q.addr.IsValid() {
		return t.allLeases(cmd, n)
	}
	l, err := t.leaseOf(cmd, n, q.addr)
	if errors.Is(err, backend.ErrNotFound) {
		return nil, nil
	}
	return []backend.Lease{l}, err
}

// selects reports whether the address, the pod or the full container ID of l is the one in q.
func (q query) selects(l backend.Lease) bool {
	switch {
	case q.addr.IsValid():
		return l.Addr == q.addr
	case q.pod != backend.Pod{}:
		return l.Pod == q.pod
	}
	return l.Owner.ContainerID == q.text || l.Pod == backend.Pod{Name: q.text}
}

// isPrefixOf reports whether q is a truncated container ID, as tools print it. In an ID of
// nerdctl the truncated part can begin after the containerd namespace.
func (q query) isPrefixOf(id string) bool {
	const minLen = 12
	if q.whole || q.addr.IsValid() || q.pod != (backend.Pod{}) || len(q.text) < minLen {
		return false
	}
	for rest := id; ; {
		if strings.HasPrefix(rest, q.text) {
			return true
		}
		_, after, found := strings.Cut(rest, "-")
		if !found {
			return false
		}
		rest = after
	}
}

// unambiguous returns the exact matches or, without one, the leases of the only
// container whose ID begins with q. It fails if several containers match.
func (m matches) unambiguous(q query) ([]leaseRow, error) {
	if len(m.exact) > 0 {
		return m.exact, nil
	}
	for _, r := range m.prefixed {
		if first := m.prefixed[0].ContainerID; r.ContainerID != first {
			return nil, severalIDs(q.text, first, r.ContainerID)
		}
	}
	return m.prefixed, nil
}

func severalIDs(text, a, b string) error {
	return fmt.Errorf("%s is the beginning of several container IDs: %s, %s; use a longer prefix", text, a, b)
}

// warnNoPods names the networks in which a pod cannot be found.
func (t *tool) warnNoPods(networks []string) {
	if len(networks) > 0 {
		t.warn("files stores do not record pods: %s", strings.Join(networks, ", "))
	}
}
