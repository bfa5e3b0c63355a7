package attachments

import (
	"fmt"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// A MistakeError is an entry or a comment that is probably a mistake: with this list, a
// container that it was meant to include would lose its lease.
type MistakeError struct {
	Where  string // the line and, in a JSON array, the element
	Listed string // the ID on the list, or the comment
	Held   string // the container ID of a lease, which is not on the list
	How    string // how Listed and Held differ, and what to do

	// Ambiguous reports that the lease may belong to a different container with a similar
	// name. Hashes and UUIDs are never ambiguous: no two of them are similar.
	Ambiguous bool
}

func (e *MistakeError) Error() string {
	return fmt.Sprintf("%s: %s is on the list, and %s holds an address: %s", e.Where, e.Listed, e.Held, e.How)
}

// Check returns a [MistakeError] if an entry or a comment was probably meant to be another
// container, one that holds leases of the network. It considers only leases that are not on
// the list, because the others are kept, and only entries without a lease, because the others
// are correct.
func (l List) Check(leases []backend.Lease) error {
	c := l.comparison(leases)
	unlisted, err := HeldOf(func(yield func(backend.Lease, error) bool) {
		for _, lease := range leases {
			if !c.listed[lease.Owner.ContainerID] && !yield(lease, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	for _, e := range l.Entries {
		if err := c.check(e, unlisted); err != nil {
			return err
		}
	}
	return l.checkComments(unlisted)
}

// A comparison is what a list and the leases of a network have in common.
type comparison struct {
	listed  map[string]bool   // containers on the list, with any interface
	ifNames map[string]string // for each container with leases, one of its interfaces
	covered map[string]bool   // containers that keep a lease
}

func (l List) comparison(leases []backend.Lease) comparison {
	c := comparison{make(map[string]bool), make(map[string]string), make(map[string]bool)}
	entries := make(map[string][]Entry)
	for _, e := range l.Entries {
		c.listed[e.ContainerID] = true
		entries[e.ContainerID] = append(entries[e.ContainerID], e)
	}
	for _, lease := range leases {
		id := lease.Owner.ContainerID
		c.ifNames[id] = lease.Owner.IfName
		for _, e := range entries[id] {
			if e.Covers(lease.Owner) {
				c.covered[id] = true
			}
		}
	}
	return c
}

// check checks one entry. Some commands print the name of the container as the second word of
// a line, and a short name looks like an interface. In JSON the key prevents that mistake.
func (c comparison) check(e Entry, unlisted Held) error {
	ifName, holds := c.ifNames[e.ContainerID]
	switch {
	case holds && e.isText && !c.covered[e.ContainerID]:
		return &MistakeError{Where: e.Where, Listed: e.ContainerID + " " + e.IfName, Held: e.ContainerID,
			How: "its interface is " + ifName + "; if the second word is not an interface, remove it"}
	case holds:
		return nil
	}
	if held, how := unlisted.Like(e.ContainerID); held != "" {
		return &MistakeError{Where: e.Where, Listed: e.ContainerID, Held: held, How: how,
			Ambiguous: formOf(strings.ToLower(held)) == ""}
	}
	return nil
}

// checkComments rejects a comment that contains the container ID of a lease. The container may
// have been removed from the list on purpose, or the # may be a mistake.
func (l List) checkComments(unlisted Held) error {
	for _, c := range l.comments {
		for word := range strings.FieldsSeq(strings.ReplaceAll(c.text, "#", " ")) {
			held := unlisted.ids[strings.ToLower(word)]
			if held == "" && len(word) >= shortIDLen {
				held, _ = unlisted.Like(word)
			}
			if held != "" {
				return &MistakeError{Where: c.where, Listed: c.text, Held: held,
					How: "remove the # if the container is in use, otherwise the line"}
			}
		}
	}
	return nil
}
