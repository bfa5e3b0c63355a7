package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/cli"
)

// collected is what a gc has done, or would do.
type collected struct {
	released []backend.Lease
	sorted   allocator.Candidates
	list     list
	flags    gcFlags
	host     *host
}

// A refusedError says what a list was not trusted with, and what was done all the same.
type refusedError struct {
	err      error
	released int
	dryRun   bool
}

func (e *refusedError) Error() string {
	switch {
	case e.released == 0:
		return e.err.Error() + "; nothing was released"
	case e.dryRun:
		return e.err.Error() + "; only what is dated before this machine started would be released"
	}
	return e.err.Error() + "; only what is dated before this machine started was released"
}

func (e *refusedError) Unwrap() error { return e.err }

// A sparedRow is a lease that is spared. The keys are stable.
type sparedRow struct {
	leaseRow
	Reason string `json:"reason"`
}

// A collectedRow is the answer of gc. The keys are stable.
type collectedRow struct {
	Network  string      `json:"network"`
	DryRun   bool        `json:"dryRun"`
	Released []leaseRow  `json:"released"`
	Spared   []sparedRow `json:"spared"`
}

// A sparing is why leases are spared.
type sparing struct {
	reason string // in JSON
	leases []backend.Lease
	text   func(backend.Lease) string // of one
	count  string                     // of all, after their number
}

func (c collected) sparings() []sparing {
	young := c.young()
	return []sparing{
		{"young", c.sorted.Young, func(backend.Lease) string { return young }, young},
		{"in-use", c.sorted.InUse, c.host.uses, "in use in a network namespace"},
		{"never-listed", c.sorted.NeverListed, func(l backend.Lease) string { return "made by " + maker(l) + ", which lists no such container" },
			"of containers that no runtime lists"},
	}
}

// young says what is too young for the list.
func (c collected) young() string {
	text := fmt.Sprintf("younger than %v", c.flags.olderThan)
	const recently = time.Minute
	if made := c.list.made; c.list.readAt.Sub(made) > recently {
		text += " when the list was made, at " + made.UTC().Format(time.RFC3339)
	}
	return text
}

func maker(l backend.Lease) string {
	m, _ := attachments.MadeBy(l.Owner.ContainerID)
	return m.Name
}

// tellCollected says what was released and what was spared.
func (t *tool) tellCollected(n network, c collected) error {
	if t.output == "json" {
		return t.writeJSON(c.row(n))
	}
	if err := t.tellEach(n, c); err != nil {
		return err
	}
	text := fmt.Sprintf("%s: %s %s", n.name, releasing(c.flags.dryRun), count(len(c.released), "lease"))
	var spared []string
	for _, s := range c.sparings() {
		if len(s.leases) > 0 {
			spared = append(spared, fmt.Sprintf("%d %s", len(s.leases), s.count))
		}
		if c.flags.dryRun || c.flags.verbose {
			t.tellSpared(s, c.flags.dryRun)
		}
	}
	if len(spared) > 0 {
		text += ", spared " + strings.Join(spared, ", ")
	}
	fmt.Fprintln(t.errs, text)
	return nil
}

// tellEach says what was released. Leases dated before the boot can be a whole pool, and
// their containers are of no interest any more, so that addresses are enough.
func (t *tool) tellEach(n network, c collected) error {
	if c.flags.dryRun || c.flags.verbose {
		return t.tellReleased(n, c.released, c.flags.dryRun)
	}
	earlier := make(map[netip.Addr]bool)
	for _, l := range c.sorted.EarlierBoot {
		earlier[l.Addr] = true
	}
	var spans []span
	var others []backend.Lease
	for _, l := range c.released {
		if earlier[l.Addr] {
			spans = extend(spans, l.Addr)
		} else {
			others = append(others, l)
		}
	}
	for _, s := range spans {
		fmt.Fprintf(t.out, "%s %s, dated before this machine started\n", releasing(false), s)
	}
	return t.tellReleased(n, others, false)
}

// A span is of addresses that follow each other.
type span struct{ first, last netip.Addr }

func (s span) String() string {
	if s.first == s.last {
		return s.first.String()
	}
	return s.first.String() + "-" + s.last.String()
}

// extend adds an address to spans that all end before it.
func extend(spans []span, addr netip.Addr) []span {
	if last := len(spans) - 1; last >= 0 && spans[last].last.Next() == addr {
		spans[last].last = addr
		return spans
	}
	return append(spans, span{addr, addr})
}

func (t *tool) tellSpared(s sparing, dryRun bool) {
	verb := "spared"
	if dryRun {
		verb = "would spare"
	}
	for _, l := range s.leases {
		fmt.Fprintf(t.out, "%s %s %s: %s\n", verb, l.Addr, t.holder(l), cli.Printable(s.text(l)))
	}
}

func (c collected) row(n network) collectedRow {
	row := collectedRow{Network: n.name, DryRun: c.flags.dryRun, Released: leaseRows(n.name, c.released), Spared: []sparedRow{}}
	for _, s := range c.sparings() {
		for _, l := range s.leases {
			row.Spared = append(row.Spared, sparedRow{newLeaseRow(n.name, l), s.reason})
		}
	}
	return row
}
