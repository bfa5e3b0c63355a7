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

// A gcResult is what gc has done, or would do with --dry-run.
type gcResult struct {
	released   []backend.Lease
	candidates allocator.Candidates
	list       validList
	flags      gcFlags
	host       *host
}

// A rejectedListError says why a list was rejected, and whether leases dated before the boot
// were released nevertheless.
type rejectedListError struct {
	err      error
	released int
	dryRun   bool
}

func (e *rejectedListError) Error() string {
	switch {
	case e.released == 0:
		return e.err.Error() + "; nothing was released"
	case e.dryRun:
		return e.err.Error() + "; only leases dated before this machine started would be released"
	}
	return e.err.Error() + "; only leases dated before this machine started were released"
}

func (e *rejectedListError) Unwrap() error { return e.err }

// A sparedRow is a lease that is spared. The keys are stable.
type sparedRow struct {
	leaseRow
	Reason string `json:"reason"`
}

// A gcRow is the JSON output of gc. The keys are stable.
type gcRow struct {
	Network  string      `json:"network"`
	DryRun   bool        `json:"dryRun"`
	Released []leaseRow  `json:"released"`
	Spared   []sparedRow `json:"spared"`
}

// A sparedGroup is the leases that are spared for one reason.
type sparedGroup struct {
	reason  string // in JSON
	leases  []backend.Lease
	text    func(backend.Lease) string // the reason, after a single lease
	summary string                     // the reason, after the number of leases
}

func (r gcResult) sparedGroups() []sparedGroup {
	young := r.youngText()
	return []sparedGroup{
		{"young", r.candidates.Young, func(backend.Lease) string { return young }, young},
		{"in-use", r.candidates.InUse, r.host.uses, "in use in a network namespace"},
		{"never-listed", r.candidates.NeverListed, func(l backend.Lease) string { return "made by " + maker(l) + ", which lists no such container" },
			"of containers that no runtime lists"},
	}
}

// youngText says which leases are too young for the list.
func (r gcResult) youngText() string {
	text := fmt.Sprintf("younger than %v", r.flags.olderThan)
	const recently = time.Minute
	if made := r.list.made; r.list.readAt.Sub(made) > recently {
		text += " when the list was made, at " + made.UTC().Format(time.RFC3339)
	}
	return text
}

func maker(l backend.Lease) string {
	m, _ := attachments.MadeBy(l.Owner.ContainerID)
	return m.Name
}

// printGC prints what was released and what was spared.
func (t *tool) printGC(n network, r gcResult) error {
	if t.output == "json" {
		return t.writeJSON(r.row(n))
	}
	if err := t.printGCReleased(n, r); err != nil {
		return err
	}
	text := fmt.Sprintf("%s: %s %s", n.name, releaseVerb(r.flags.dryRun), count(len(r.released), "lease"))
	var spared []string
	for _, g := range r.sparedGroups() {
		if len(g.leases) > 0 {
			spared = append(spared, fmt.Sprintf("%d %s", len(g.leases), g.summary))
		}
		if r.flags.dryRun || r.flags.verbose {
			t.printSpared(g, r.flags.dryRun)
		}
	}
	if len(spared) > 0 {
		text += ", spared " + strings.Join(spared, ", ")
	}
	fmt.Fprintln(t.errs, text)
	return nil
}

// printGCReleased prints the released leases. Leases dated before the boot can fill a pool,
// and their containers no longer matter, so these are printed as ranges of addresses.
func (t *tool) printGCReleased(n network, r gcResult) error {
	if r.flags.dryRun || r.flags.verbose {
		return t.printReleased(n, r.released, r.flags.dryRun)
	}
	earlier := make(map[netip.Addr]bool)
	for _, l := range r.candidates.DatedBeforeBoot {
		earlier[l.Addr] = true
	}
	var spans []allocator.Span
	var others []backend.Lease
	for _, l := range r.released {
		if earlier[l.Addr] {
			spans = extend(spans, l.Addr)
		} else {
			others = append(others, l)
		}
	}
	for _, s := range spans {
		fmt.Fprintf(t.out, "%s %s, dated before this machine started\n", releaseVerb(false), s)
	}
	return t.printReleased(n, others, false)
}

// extend adds an address to spans that all end before it.
func extend(spans []allocator.Span, addr netip.Addr) []allocator.Span {
	if last := len(spans) - 1; last >= 0 && spans[last].Last.Next() == addr {
		spans[last].Last = addr
		return spans
	}
	return append(spans, allocator.Span{First: addr, Last: addr})
}

func (t *tool) printSpared(g sparedGroup, dryRun bool) {
	verb := "spared"
	if dryRun {
		verb = "would spare"
	}
	for _, l := range g.leases {
		fmt.Fprintf(t.out, "%s %s %s: %s\n", verb, l.Addr, t.holderText(l), cli.Printable(g.text(l)))
	}
}

func (r gcResult) row(n network) gcRow {
	row := gcRow{Network: n.name, DryRun: r.flags.dryRun, Released: leaseRows(n.name, r.released), Spared: []sparedRow{}}
	for _, g := range r.sparedGroups() {
		for _, l := range g.leases {
			row.Spared = append(row.Spared, sparedRow{newLeaseRow(n.name, l), g.reason})
		}
	}
	return row
}
