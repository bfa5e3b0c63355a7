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

// A wish says whose leases are wanted: an address's, a pod's or a container's.
type wish struct {
	text string
	addr netip.Addr
	pod  backend.Pod // of a text with a slash in it
}

// parseWish tells an address, a pod and a container ID from each other.
func parseWish(text string) (wish, error) {
	addr, err := parseAddr(strings.SplitN(text, "/", 2)[0]) // an address may have its length
	namespace, name, isPod := strings.Cut(text, "/")
	switch {
	case err == nil:
		return wish{text: text, addr: addr}, nil
	case strings.Contains(text, ":"), strings.Trim(text, "0123456789./") == "":
		return wish{}, fmt.Errorf("%q is not an address: write one like 10.1.2.3 or fd00::3", text)
	case isPod:
		return wish{text: text, pod: backend.Pod{Namespace: namespace, Name: name}}, nil
	}
	return wish{text: text}, nil
}

// parsePod reads the name of a pod. One without a namespace is Podman's.
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

// A holdings is what was found in all networks.
type holdings struct {
	rows    []leaseRow // that match as they are written
	pieces  []leaseRow // of containers whose ID begins with what was written
	without []string   // networks whose store records no pods
}

// holdings looks for the leases that are wished for.
func (t *tool) holdings(cmd *cobra.Command, networks []network, w wish) (h holdings, failed error) {
	for _, n := range networks {
		leases, err := t.leasesFor(cmd, n, w)
		failed = errors.Join(failed, t.inNetwork(n, err))
		for _, l := range leases {
			switch {
			case w.whole(l):
				h.rows = append(h.rows, newLeaseRow(n.name, l))
			case w.begins(l.Owner.ContainerID):
				h.pieces = append(h.pieces, newLeaseRow(n.name, l))
			}
		}
		if kind, err := n.kind(); err == nil && kind == config.Files {
			h.without = append(h.without, n.name)
		}
	}
	return h, failed
}

// leasesFor returns the leases among which the wanted ones are.
func (t *tool) leasesFor(cmd *cobra.Command, n network, w wish) ([]backend.Lease, error) {
	if !w.addr.IsValid() {
		return t.allLeases(cmd, n)
	}
	l, err := t.leaseOf(cmd, n, w.addr)
	if errors.Is(err, backend.ErrNotFound) {
		return nil, nil
	}
	return []backend.Lease{l}, err
}

// whole reports whether the lease is one that is wanted, by all of its name.
func (w wish) whole(l backend.Lease) bool {
	switch {
	case w.addr.IsValid():
		return l.Addr == w.addr
	case w.pod != backend.Pod{}:
		return l.Pod == w.pod
	}
	return l.Owner.ContainerID == w.text || l.Pod == backend.Pod{Name: w.text}
}

// begins reports whether what is wanted is the beginning of a container ID, as tools print
// it, or of what is behind a namespace in it, as nerdctl does.
func (w wish) begins(id string) bool {
	const enough = 12
	if w.addr.IsValid() || w.pod != (backend.Pod{}) || len(w.text) < enough {
		return false
	}
	for piece := id; ; {
		if strings.HasPrefix(piece, w.text) {
			return true
		}
		_, rest, found := strings.Cut(piece, "-")
		if !found {
			return false
		}
		piece = rest
	}
}

// one returns the rows of the one container that is meant, or an error if a piece of an ID
// can mean several.
func (h holdings) one(w wish) ([]leaseRow, error) {
	if len(h.rows) > 0 {
		return h.rows, nil
	}
	for _, r := range h.pieces {
		if first := h.pieces[0].ContainerID; r.ContainerID != first {
			return nil, fmt.Errorf("%s is the beginning of several containers: %s, %s; write more of it", w.text, first, r.ContainerID)
		}
	}
	return h.pieces, nil
}

// tellNoPods says in which networks a pod cannot be found.
func (t *tool) tellNoPods(networks []string) {
	if len(networks) > 0 {
		t.warn("files stores do not record pods: %s", strings.Join(networks, ", "))
	}
}
