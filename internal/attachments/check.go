package attachments

import (
	"fmt"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// A MistakeError is an entry or a comment that looks like a mistake: to believe the list
// would end the lease of a container that it was probably meant to have.
type MistakeError struct {
	Where  string // the line and, within JSON, the element
	Listed string // the ID, or the line of a comment
	Held   string // the container ID of a lease that the list does not have
	How    string // how the two differ

	// CanBeAnother reports whether the lease can be of another container, with a name
	// that is alike. A runtime gives no two containers hashes, or UUIDs, that are.
	CanBeAnother bool
}

func (e *MistakeError) Error() string {
	return fmt.Sprintf("%s: %s is on the list, and %s holds an address: %s", e.Where, e.Listed, e.Held, e.How)
}

// Check returns a [MistakeError] if the list has one about the containers that hold the
// leases of a network. Only leases that are not on the list count, as no mistake can end
// the others; and only entries that have no lease themselves, as those are what was meant.
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

// A comparison says what a list and leases have in common.
type comparison struct {
	listed  map[string]bool   // containers on the list, by any interface
	ifNames map[string]string // an interface of each that holds leases
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

// check looks at one entry. The second word of a line is the name of the container, in what
// some commands print, and has the form of an interface name if it is short. An interface
// in JSON has a key that says so.
func (c comparison) check(e Entry, unlisted Held) error {
	ifName, holds := c.ifNames[e.ContainerID]
	switch {
	case holds && e.isText && !c.covered[e.ContainerID]:
		return &MistakeError{Where: e.Where, Listed: e.ContainerID + " " + e.IfName, Held: e.ContainerID,
			How: "its interface is " + ifName + "; if the second word is no interface, leave it out"}
	case holds:
		return nil
	}
	if held, how := unlisted.Like(e.ContainerID); held != "" {
		return &MistakeError{Where: e.Where, Listed: e.ContainerID, Held: held, How: how,
			CanBeAnother: formOf(strings.ToLower(held)) == ""}
	}
	return nil
}

// checkComments refuses a comment with the ID of a lease in it. It can be one that was taken
// off the list, or a list in which # is no comment.
func (l List) checkComments(unlisted Held) error {
	for _, c := range l.comments {
		for word := range strings.FieldsSeq(strings.ReplaceAll(c.text, "#", " ")) {
			held := unlisted.ids[strings.ToLower(word)]
			if held == "" && len(word) >= long {
				held, _ = unlisted.Like(word)
			}
			if held != "" {
				return &MistakeError{Where: c.where, Listed: c.text, Held: held,
					How: "remove the # if the container is in use, else the line"}
			}
		}
	}
	return nil
}
