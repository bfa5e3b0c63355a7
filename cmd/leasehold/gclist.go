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
)

// A list is one of attachments that are in use.
type list struct {
	name   string // of the file
	read   attachments.List
	owners []backend.Owner
	made   time.Time // it does not have containers that came later
	readAt time.Time
}

// readList reads the list in a file, or - for standard input. An empty one is no error yet.
func (t *tool) readList(path string) (list, error) {
	now := t.now() // before it is read: that can take long
	l := list{name: path, made: now, readAt: now}
	r := t.in
	switch path {
	case "":
		return l, errors.New("--valid is missing: name a file with the attachments to keep, or - for standard input")
	case "-":
		l.name = "standard input"
	default:
		f, err := os.Open(path)
		if err != nil {
			return l, err
		}
		defer f.Close() // It was only read.
		r = f
	}
	if err := l.readFrom(r); err != nil {
		return l, fmt.Errorf("%s: %w; nothing was released", l.name, err)
	}
	return l, nil
}

// coarsest is how far the time of a file can be ahead of the clock without a reason to
// doubt either: FAT keeps steps of two seconds.
const coarsest = 2 * time.Second

// A futureListError says that a list is dated in the future. Its age is not known then, and
// containers that started since would be taken for gone.
type futureListError struct {
	written time.Time
	ahead   time.Duration
}

func (e *futureListError) Error() string {
	return fmt.Sprintf("the list is dated in the future: %s, %v ahead of the clock, so how old it is is not known",
		e.written.UTC().Format(time.RFC3339), e.ahead.Round(time.Second))
}

// readFrom reads the list, and sets the time it was made to the time of the file.
func (l *list) readFrom(r io.Reader) error {
	before := fileInfo(r)
	if before != nil {
		written := before.ModTime()
		if ahead := written.Sub(l.made); ahead > coarsest {
			return &futureListError{written, ahead}
		}
		if written.Before(l.made) {
			l.made = written
		}
	}
	var err error
	if l.read, err = attachments.Read(r); err != nil && !errors.Is(err, attachments.ErrEmpty) {
		return err
	}
	l.owners = l.read.Owners()
	if after := fileInfo(r); before != nil && after != nil && (after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())) {
		return errors.New("the list was written to while it was read, and can lack containers; write it under another name, and rename it")
	}
	return nil
}

// fileInfo returns the attributes of a regular file, or nil if r is a pipe, a terminal or
// the like. For those the list was made at the time of the call.
func fileInfo(r io.Reader) os.FileInfo {
	f, ok := r.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil // as for a pipe; reading it says what is wrong
	}
	return info
}

// check refuses a list with a mistake that would cost a container that runs its address.
func (t *tool) check(l list, n network, leases []backend.Lease) error {
	err := l.read.Check(leases)
	if err == nil {
		return nil
	}
	next := ""
	if m := (*attachments.MistakeError)(nil); errors.As(err, &m) && m.CanBeAnother {
		next = fmt.Sprintf("; if that is another container, and is gone, run: leasehold%s release %s --container %s", t.sameFlags(), n.name, m.Held)
	}
	return fmt.Errorf("%s: %w; nothing was released%s", l.name, err, next)
}

// distrust returns an error if the list may be of something else than the network's
// containers, and decides about any lease. An empty one is refused also where the leases
// are spared meanwhile.
func (t *tool) distrust(cmd *cobra.Command, n network, c collected, leases []backend.Lease) error {
	s := c.sorted
	unlisted := holders(s.Unlisted) // Torn leases are no container's.
	spared := holders(s.Young) + len(s.InUse) + len(s.NeverListed)
	switch {
	case c.flags.none:
		return nil
	case len(c.list.owners) == 0 && unlisted+spared > 0:
		return fmt.Errorf("%s: %w; if no container is left, and every address is to be released, add --allow-none",
			c.list.name, attachments.ErrEmpty)
	case unlisted == 0 || c.list.holder(leases) != "" || t.isOfOldName(cmd, n, c):
		return nil
	}
	return fmt.Errorf("nothing on the list holds an address, though %s do: "+
		"is it a list of something else (of a pod it is the sandbox that counts: crictl pods -q)? "+
		"If every address is to be released, add --allow-none", count(unlisted, "container"))
}

// holders returns how many containers hold the leases.
func holders(leases []backend.Lease) int {
	ids := make(map[string]bool)
	for _, l := range leases {
		if !l.Owner.IsZero() {
			ids[l.Owner.ContainerID] = true
		}
	}
	return len(ids)
}

// holder returns the ID of a container on the list that holds one of the leases, or "".
func (l list) holder(leases []backend.Lease) string {
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

// isOfOldName reports whether a network is one that was renamed or given up, and the list
// is of its runtime: no configuration has the name, while others are there, containers on
// the list hold addresses of one of these, and their IDs have the form of those here. A
// runtime whose configurations are elsewhere, as Nomad's, has IDs of another form, or
// needs --conf-dir to be looked at.
func (t *tool) isOfOldName(cmd *cobra.Command, n network, c collected) bool {
	if len(n.confs) > 0 {
		return false
	}
	for _, other := range t.discovered {
		if len(other.confs) == 0 {
			continue
		}
		leases, err := t.allLeases(cmd, other)
		id := c.list.holder(leases)
		if err != nil || id == "" {
			continue // Then the list has to show by itself what it is of.
		}
		strange := func(l backend.Lease) bool { return !l.Owner.IsZero() && !attachments.SameForm(id, l.Owner.ContainerID) }
		if !slices.ContainsFunc(c.sorted.Unlisted, strange) {
			return true
		}
	}
	return false
}

// merged returns both, by address.
func merged(a, b []backend.Lease) []backend.Lease {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}
