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

// A leaseRow is a lease as answers show it. The keys are stable; what is not known
// is empty.
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

// allLeases reads the leases of a network, many of them in portions, between which plugins
// have their turn.
func (t *tool) allLeases(cmd *cobra.Command, n network) ([]backend.Lease, error) {
	return allocator.ReadLeases(cmd.Context(), t.reader(n))
}

// writeLeases writes rows in the form that is wanted. On a terminal, unless they are to be
// whole, they are cut to what one can read; whatever else reads them gets all.
func (t *tool) writeLeases(rows []leaseRow, whole bool) error {
	if t.output == "json" {
		return t.writeJSON(rows)
	}
	width := cli.Width(t.out)
	if whole || width == 0 {
		return t.leaseTable(t.out, rows)
	}
	_, err := io.WriteString(t.out, t.fitted(rows, width))
	return err
}

// fitted returns a table of a width, if that takes no more than to shorten IDs, and then
// pods.
func (t *tool) fitted(rows []leaseRow, width int) string {
	rows = slices.Clone(rows)
	pod := 0
	for i := range rows {
		rows[i].ContainerID = shortID(rows[i].ContainerID)
		pod = max(pod, utf8.RuneCountInString(rows[i].Pod))
	}
	var b strings.Builder
	_ = t.leaseTable(&b, rows) // A Builder takes all.
	const least = 16
	over := cli.Widest(b.String()) - width
	if over <= 0 || pod-over < least {
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
		w.Row(r.Network, r.Address.String(), id, r.IfName, t.age(r.Since), r.bootName(present), r.Pod)
	}
	return w.Flush()
}

// age says how long ago a time was that is written as in a row.
func (t *tool) age(since string) string {
	at, err := time.Parse(time.RFC3339, since)
	if err != nil {
		return "" // not known
	}
	return age(t.now().Sub(at))
}

// bootName says when the lease was made, seen from the present boot. A boot ID and a time
// can contradict each other, and either can be wrong: see [allocator.Boot].
func (r leaseRow) bootName(present allocator.Boot) string {
	since, _ := time.Parse(time.RFC3339, r.Since) // zero, as in a lease, if it is not known
	switch before := present.StartedAfter(backend.Lease{Since: since}); {
	case r.Boot != "" && r.Boot == present.ID && before:
		return "this?"
	case r.Boot != "" && r.Boot == present.ID:
		return "this"
	case before:
		return "earlier"
	case r.Boot != "" && present.ID != "":
		return "another"
	}
	return ""
}
