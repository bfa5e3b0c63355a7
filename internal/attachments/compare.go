package attachments

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// A Comparison says how a list of attachments fits the leases of a network.
type Comparison struct {
	// Containers is the number of containers that hold leases.
	Containers int

	// Listed is how many of them are in the list. If none is, the list may be
	// of another kind of containers, or of another machine.
	Listed int

	// Cut are the IDs of the list that look like a piece of one that holds a
	// lease. They are none of Listed.
	Cut []Cut
}

// A Cut is a container ID that was cut short, or lacks its namespace.
type Cut struct {
	Listed string // in the list
	Held   string // of a lease; there may be others
}

// Compare compares a list with the leases of a network, or of several. An error of
// the leases ends it.
func Compare(list []backend.Owner, leases iter.Seq2[backend.Lease, error]) (Comparison, error) {
	held := make(map[string]bool)
	for l, err := range leases {
		if err != nil {
			return Comparison{}, err
		}
		if !l.Owner.IsZero() {
			held[l.Owner.ContainerID] = true
		}
	}
	c := Comparison{Containers: len(held)}
	pieces := piecesOf(held)
	seen := make(map[string]bool)
	for _, o := range list {
		id := o.ContainerID
		if seen[id] {
			continue
		}
		seen[id] = true
		if held[id] {
			c.Listed++
		} else if whole, ok := pieces.find(id); ok {
			c.Cut = append(c.Cut, Cut{Listed: id, Held: whole})
		}
	}
	return c, nil
}

// pieces are container IDs, and what is left of them after each hyphen, in
// ascending order.
type pieces []piece

type piece struct{ text, whole string }

func piecesOf(held map[string]bool) pieces {
	var all pieces
	for id := range held {
		all = append(all, piece{id, id})
		for i := range len(id) {
			if id[i] == '-' {
				all = append(all, piece{id[i+1:], id})
			}
		}
	}
	slices.SortFunc(all, func(a, b piece) int {
		return cmp.Or(strings.Compare(a.text, b.text), strings.Compare(a.whole, b.whole))
	})
	return all
}

// find returns an ID that the given one looks like a piece of.
func (p pieces) find(id string) (whole string, ok bool) {
	at := sort.Search(len(p), func(i int) bool { return p[i].text >= id })
	for _, piece := range p[at:] {
		if !strings.HasPrefix(piece.text, id) {
			break
		}
		if cut(id, piece) {
			return piece.whole, true
		}
	}
	return "", false
}

// cut reports whether id, which piece begins with, looks like what a tool left of
// it: too much is missing for job-1 to be what it left of job-10, or only a
// namespace is.
func cut(id string, p piece) bool {
	const long = 12 // what podman, nerdctl and docker leave
	return len(p.text)-len(id) >= long || p.text == id && len(id) >= long
}
