package main

import (
	"cmp"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
)

// A leaseRow is a lease in the output of commands. The keys are stable; unknown values are
// empty.
type leaseRow struct {
	Network     string     `json:"network"`
	Address     netip.Addr `json:"address"`
	ContainerID string     `json:"containerID"`
	IfName      string     `json:"ifname"`
	Since       string     `json:"since"` // RFC 3339, UTC
	Boot        string     `json:"boot"`
	Pod         string     `json:"pod"` // namespace/name
}

func newLeaseRow(network string, l backend.Lease) leaseRow {
	r := leaseRow{
		Network: network, Address: l.Addr, Boot: l.Boot,
		ContainerID: l.Owner.ContainerID, IfName: l.Owner.IfName,
	}
	if !l.Since.IsZero() {
		r.Since = l.Since.Format(time.RFC3339)
	}
	if l.Pod != (backend.Pod{}) {
		r.Pod = l.Pod.String()
	}
	return r
}

// leaseRows returns the leases as rows, never nil.
func leaseRows(network string, leases []backend.Lease) []leaseRow {
	rows := make([]leaseRow, len(leases))
	for i, l := range leases {
		rows[i] = newLeaseRow(network, l)
	}
	return rows
}

// allLeases reads the leases of a network. Many leases are read in portions, so that plugins
// get the lock in between.
func (t *tool) allLeases(cmd *cobra.Command, n network) ([]backend.Lease, error) {
	return allocator.ReadLeases(cmd.Context(), t.readStoreInPortions(n))
}

// writeLeases writes rows as a table or JSON. On a terminal IDs and pods are shortened to fit,
// unless noTrunc; a file or a pipe gets them in full.
func (t *tool) writeLeases(rows []leaseRow, noTrunc bool) error {
	if t.output == "json" {
		return t.writeJSON(rows)
	}
	width := cli.Width(t.out)
	if noTrunc || width == 0 {
		return t.leaseTable(t.out, rows)
	}
	_, err := io.WriteString(t.out, t.fitTable(rows, width))
	return err
}

// fitTable returns a table with shortened IDs, and with pods shortened as far as the width
// requires. If that is not enough, the table is wider.
func (t *tool) fitTable(rows []leaseRow, width int) string {
	rows = slices.Clone(rows)
	pod := 0
	for i := range rows {
		rows[i].ContainerID = shortID(rows[i].ContainerID)
		pod = max(pod, utf8.RuneCountInString(rows[i].Pod))
	}
	var b strings.Builder
	_ = t.leaseTable(&b, rows) // Writing to a Builder never fails.
	const minPod = 16
	over := cli.Widest(b.String()) - width
	if over <= 0 || pod-over < minPod {
		return b.String()
	}
	for i := range rows {
		rows[i].Pod = cli.Shorten(rows[i].Pod, pod-over)
	}
	b.Reset()
	_ = t.leaseTable(&b, rows) // as above
	return b.String()
}

func (t *tool) leaseTable(out io.Writer, rows []leaseRow) error {
	present := boot.Current()
	w := cli.NewTable(out, "NETWORK", "ADDRESS", "CONTAINER", "IFNAME", "AGE", "BOOT", "POD")
	for _, r := range rows {
		id := cmp.Or(r.ContainerID, "(torn)")
		w.Row(r.Network, r.Address.String(), id, r.IfName, t.ageSince(r.Since), r.bootName(present), r.Pod)
	}
	return w.Flush()
}

// ageSince returns the age of a lease from the time in its row.
func (t *tool) ageSince(since string) string {
	at, err := time.Parse(time.RFC3339, since)
	if err != nil {
		return "" // not known
	}
	return formatAge(t.now().Sub(at))
}

// bootName returns the BOOT column, which the help of list explains. A boot ID and a time can
// contradict each other, and either can be wrong: see [allocator.Boot].
func (r leaseRow) bootName(present allocator.Boot) string {
	since, _ := time.Parse(time.RFC3339, r.Since) // zero if not known, as in a lease
	l := backend.Lease{Since: since, Boot: r.Boot}
	switch {
	case present.SeemsEarlier(l):
		return "earlier"
	case present.StartedAfter(l):
		return "this?"
	case r.Boot != "" && r.Boot == present.ID:
		return "this"
	case r.Boot != "" && present.ID != "":
		return "another"
	}
	return ""
}
