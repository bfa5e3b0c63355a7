package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/shell"
)

// A validList is the list given by --valid.
type validList struct {
	name   string // file name, or "standard input"
	parsed attachments.List
	owners []backend.Owner
	made   time.Time // containers that started later are not on the list
	readAt time.Time
}

// readList reads the list from a file, or from standard input if path is "-". It accepts an
// empty list, which checkPlausible rejects if there are leases to release.
func (t *tool) readList(path string) (validList, error) {
	now := t.now() // before reading, which can take long
	l := validList{name: path, made: now, readAt: now}
	r := t.in
	switch path {
	case "":
		return l, errors.New("--valid is missing: give a file with the attachments to keep, or - for standard input")
	case "-":
		l.name = "standard input"
	default:
		f, err := os.Open(path)
		if err != nil {
			return l, err
		}
		defer f.Close() // Closing a file that was only read loses nothing.
		r = f
	}
	if err := l.readFrom(r); err != nil {
		return l, fmt.Errorf("%s: %w; nothing was released", l.name, err)
	}
	return l, nil
}

// mtimeSlack is how far the time of a file can be ahead of a correct clock: FAT stores times
// in steps of two seconds.
const mtimeSlack = 2 * time.Second

// A futureListError says that a list is dated in the future. The age of such a list is not
// known, so gc could release the leases of containers that started after it was made.
type futureListError struct {
	written time.Time
	ahead   time.Duration
}

func (e *futureListError) Error() string {
	return fmt.Sprintf("the list is dated in the future: %s, %v ahead of the clock, so its age is not known",
		e.written.UTC().Format(time.RFC3339), e.ahead.Round(time.Second))
}

// readFrom reads the list, and sets made to the modification time if r is a file.
func (l *validList) readFrom(r io.Reader) error {
	before := fileInfo(r)
	if before != nil {
		written := before.ModTime()
		if ahead := written.Sub(l.made); ahead > mtimeSlack {
			return &futureListError{written, ahead}
		}
		if written.Before(l.made) {
			l.made = written
		}
	}
	var err error
	if l.parsed, err = attachments.Read(r); err != nil && !errors.Is(err, attachments.ErrEmpty) {
		return err
	}
	l.owners = l.parsed.Owners()
	if after := fileInfo(r); before != nil && after != nil && (after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())) {
		return errors.New("the list was written to while it was read, so it can lack containers; write it under another name and rename it")
	}
	return nil
}

// fileInfo returns the attributes of a regular file, or nil if r is something else, such as a
// pipe or a terminal.
func fileInfo(r io.Reader) os.FileInfo {
	f, ok := r.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil // If Stat failed, so will reading.
	}
	return info
}

// checkMistakes rejects a list with a mistake that would cost a running container its address.
func (t *tool) checkMistakes(l validList, n network, leases []backend.Lease) error {
	err := l.parsed.Check(leases)
	if err == nil {
		return nil
	}
	next := ""
	if m := (*attachments.MistakeError)(nil); errors.As(err, &m) && m.Ambiguous {
		next = fmt.Sprintf("; if %s is a different container that no longer exists, run: leasehold%s release %s --container %s",
			m.Held, t.sameFlags(), n.word(), shell.Quote(m.Held))
	}
	text := fmt.Sprintf("%s: %v; nothing was released%s", l.name, err, next)
	return &rewordedError{cli.Printable(text), err} // An ID with a line break must not look like two lines.
}

// checkPlausible returns an error if the list would release leases but may be a list of
// something other than the containers of the network. An empty list is rejected even if all
// leases are spared.
func (t *tool) checkPlausible(cmd *cobra.Command, n network, r gcResult, leases []backend.Lease) error {
	c := r.candidates
	unlisted := countContainers(c.Unlisted) // A torn lease belongs to no container.
	spared := countContainers(c.Young) + len(c.InUse) + len(c.NeverListed)
	switch {
	case r.flags.none:
		return nil
	case len(r.list.owners) == 0 && unlisted+spared > 0:
		return fmt.Errorf("%s: %w; if no container is left, add --allow-none to release every address",
			r.list.name, attachments.ErrEmpty)
	case unlisted == 0 || r.list.anyHolder(leases) != "" || t.hasFormerName(cmd, n, r):
		return nil
	}
	return fmt.Errorf("no container on the list holds an address (addresses are held by %s): "+
		"is this the wrong list (for pods it must have sandbox IDs: crictl pods -q)? "+
		"To release every address, add --allow-none", count(unlisted, "container"))
}

// countContainers returns the number of containers that hold the leases.
func countContainers(leases []backend.Lease) int {
	ids := make(map[string]bool)
	for _, l := range leases {
		if !l.Owner.IsZero() {
			ids[l.Owner.ContainerID] = true
		}
	}
	return len(ids)
}

// anyHolder returns the ID of a container on the list that holds one of the leases, or "".
func (l validList) anyHolder(leases []backend.Lease) string {
	listed := make(map[string][]backend.Owner)
	for _, o := range l.owners {
		listed[o.ContainerID] = append(listed[o.ContainerID], o)
	}
	for _, lease := range leases {
		covers := func(o backend.Owner) bool { return o.Covers(lease.Owner) }
		if !lease.Owner.IsZero() && slices.ContainsFunc(listed[lease.Owner.ContainerID], covers) {
			return lease.Owner.ContainerID
		}
	}
	return ""
}

// hasFormerName reports whether n is the former name of a network that was renamed or removed,
// and the list comes from its runtime: no configuration has the name, containers on the list
// hold addresses of a configured network, and the IDs in both networks have the same form. A
// runtime with its configurations elsewhere, such as Nomad, has IDs of another form, or its
// configurations must be given by --conf-dir.
func (t *tool) hasFormerName(cmd *cobra.Command, n network, r gcResult) bool {
	if len(n.confs) > 0 {
		return false
	}
	for _, other := range t.discovered {
		if len(other.confs) == 0 {
			continue
		}
		leases, err := t.allLeases(cmd, other)
		id := r.list.anyHolder(leases)
		if err != nil || id == "" {
			continue // This network proves nothing about the list.
		}
		otherForm := func(l backend.Lease) bool { return !l.Owner.IsZero() && !attachments.SameForm(id, l.Owner.ContainerID) }
		if !slices.ContainsFunc(r.candidates.Unlisted, otherForm) {
			return true
		}
	}
	return false
}

// merged returns the leases in a and b, sorted by address.
func merged(a, b []backend.Lease) []backend.Lease {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}
