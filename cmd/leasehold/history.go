package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
)

type historyFlags struct {
	address, pod, container, at string
	since                       time.Duration
	forget, dryRun, noTrunc     bool
}

func (t *tool) historyCommand() *cobra.Command {
	var f historyFlags
	c := &cobra.Command{
		Use:   "history [NETWORK…]",
		Short: "Show who held addresses, and until when",
		Long: `List the leases that have ended, in the order in which they ended, and then the
leases that are held, which have no UNTIL. Flags select some of them.

ENDED says what ended a lease: DEL and GC, which the runtime has sent, or gc;
boot, the first ADD after a restart of the machine; release, an operator.

--at takes a time like 14:03, "2026-11-25 14:03" or 2026-11-25T14:03:05Z, or a
duration like 90m for that long ago. It is in local time, as are the times in
the table, unless a zone follows, as in "14:03 UTC" or "14:03 +02:00". A minute
means all of it: if an address had two holders in that minute, both are listed.
So does a time that was twice because clocks were put back. A warning says if
leases that were held at the time can be missing, and why.

A bolt store keeps as many ended leases as "history" in ipam says, by default
10,000, for 30 days. Files stores keep none.

--forget removes the container, the pod and the times of the selected leases
from the history, for privacy; without a selection it removes all ended leases
of the networks named. Leases that are held stay as they are. What is removed
can remain in unused parts of the file, and in backups. --container is then the
ID of one container: the beginning of several IDs, without one that is the
whole ID, is an error, and nothing is forgotten.

As JSON: an array of objects with the keys network, address, containerID,
ifname, since, until (RFC 3339, UTC), ended and pod (namespace/name). All values
are strings, empty if not known; until and ended are empty if the lease is held.`,
		Example: `  leasehold history --address 10.1.0.7 --at 14:03
  leasehold history podnet --pod shop/web-0 --since 7d
  leasehold history podnet --pod shop/web-0 --forget`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if f.since <= 0 && cmd.Flag("since").Changed {
				return fmt.Errorf("--since %v: want a positive duration, such as 1h or 7d", f.since)
			}
			if f.forget {
				return t.forget(cmd, names, f)
			}
			return t.history(cmd, names, f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.address, "address", "", "only this address")
	flags.StringVar(&f.pod, "pod", "", "only this pod, NAMESPACE/POD")
	flags.StringVar(&f.container, "container", "", "only this container; the first twelve characters of its ID are enough")
	flags.StringVar(&f.at, "at", "", "only what was held at this time")
	cli.DurationVar(flags, &f.since, "since", 0, "only what was held within this time, such as 1h or 7d")
	flags.BoolVar(&f.forget, "forget", false, "forget who held the selected addresses, and when")
	flags.BoolVar(&f.dryRun, "dry-run", false, "with --forget: print how many would be forgotten")
	flags.BoolVar(&f.noTrunc, "no-trunc", false, "do not truncate IDs on a terminal")
	return c
}

// A selection selects leases by holder and time. The zero selection selects all.
type selection struct {
	queries  []query // each has to select the lease
	at       moment  // if not zero, it was held at some time in this
	notSince time.Time
}

func (f historyFlags) selection(now time.Time) (s selection, err error) {
	if f.address != "" {
		addr, err := parseAddr(f.address)
		if err != nil {
			return s, err
		}
		s.queries = append(s.queries, query{text: f.address, addr: addr})
	}
	if f.pod != "" {
		pod, err := parsePod(f.pod)
		if err != nil {
			return s, err
		}
		s.queries = append(s.queries, query{text: f.pod, pod: pod})
	}
	if f.container != "" {
		s.queries = append(s.queries, query{text: f.container})
	}
	if f.at != "" {
		if s.at, err = parseMoment(f.at, now); err != nil {
			return s, fmt.Errorf("--at: %w", err)
		}
	}
	if f.since > 0 {
		s.notSince = now.Add(-f.since)
	}
	return s, nil
}

// addr returns the address that is selected, if only one can be.
func (s selection) addr() (addr netip.Addr) {
	for _, q := range s.queries {
		if q.addr.IsValid() {
			addr = q.addr
		}
	}
	return addr
}

// selects reports whether the selection has a lease that was held until then; zero means now.
func (s selection) selects(l backend.Lease, until time.Time) bool {
	return s.selectsHolder(l) && s.wasHeld(l, until)
}

// selectsHolder is selects at any time.
func (s selection) selectsHolder(l backend.Lease) bool {
	return !slices.ContainsFunc(s.queries, func(q query) bool { return !q.selects(l) && !q.isPrefixOf(l.Owner.ContainerID) })
}

// wasHeld is selects for any holder.
func (s selection) wasHeld(l backend.Lease, until time.Time) bool {
	if !s.notSince.IsZero() && !until.IsZero() && until.Before(s.notSince) {
		return false
	}
	return s.at == moment{} || s.at.meets(l.Since, until)
}

// A reading selects leases, and notes what keeps the answer for a time from being certain.
type reading struct {
	selection
	now time.Time

	later bool      // a lease of the selected holders begins after the time
	ahead time.Time // when one begins that is dated after the present, or after its own end: the latest
}

// selects is the method of the selection.
func (r *reading) selects(l backend.Lease, until time.Time) bool {
	if !r.selectsHolder(l) {
		return false
	}
	if !l.Since.Before(r.at.until) {
		r.later = true
	}
	last := r.now
	if !until.IsZero() {
		last = until
	}
	if began := l.Since.Truncate(time.Second); began.After(last) && began.After(r.ahead) {
		r.ahead = began
	}
	return r.wasHeld(l, until)
}

// selectsEnded is selects for an ended lease. When a forgotten one was held is not known.
func (r *reading) selectsEnded(e backend.Ended) bool {
	timed := r.at != moment{} || !r.notSince.IsZero()
	return !(timed && e.Until.IsZero()) && r.selects(e.Lease, e.Until)
}

// A pastRow is a lease, ended or held, in the output of history. The keys are stable; unknown
// values are empty.
type pastRow struct {
	Network     string     `json:"network"`
	Address     netip.Addr `json:"address"`
	ContainerID string     `json:"containerID"`
	IfName      string     `json:"ifname"`
	Since       string     `json:"since"` // RFC 3339, UTC
	Until       string     `json:"until"` // likewise
	Ended       string     `json:"ended"`
	Pod         string     `json:"pod"` // namespace/name

	since, until time.Time
}

// newPastRow returns the row of an ended lease.
func newPastRow(network string, e backend.Ended) pastRow {
	r := newHeldRow(network, e.Lease)
	r.Ended, r.until = e.Cause.String(), e.Until
	if !e.Until.IsZero() {
		r.Until = e.Until.UTC().Format(time.RFC3339)
	}
	return r
}

// newHeldRow returns the row of a lease that has not ended.
func newHeldRow(network string, e backend.Lease) pastRow {
	r := pastRow{
		Network: network, Address: e.Addr, ContainerID: e.Owner.ContainerID, IfName: e.Owner.IfName, since: e.Since,
	}
	if !e.Since.IsZero() {
		r.Since = e.Since.UTC().Format(time.RFC3339)
	}
	if e.Pod != (backend.Pod{}) {
		r.Pod = e.Pod.String()
	}
	return r
}

func (t *tool) history(cmd *cobra.Command, names []string, f historyFlags) error {
	if f.dryRun {
		return errors.New("--dry-run needs --forget")
	}
	s, err := f.selection(t.now())
	if err != nil {
		return err
	}
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	t.warnOfStrays()
	p, failed := t.pastOf(cmd, networks, s)
	t.warnOfTwice(s.at)
	t.warnOfLacks(p)
	t.warnNoHistory(networks)
	return errors.Join(t.writePast(p.rows, f.noTrunc), failed)
}

// endedIn returns the ended leases that are selected, except those that need not be kept any
// longer.
func endedIn(tx backend.ReadTx, r *reading) (ended []backend.Ended, err error) {
	h, ok := tx.(backend.HistoryReadTx)
	if !ok {
		return nil, nil
	}
	policy, err := allocator.HistoryOf(h)
	if err != nil {
		return nil, err
	}
	all := h.HistoryBackward()
	if addr := r.addr(); addr.IsValid() {
		all = h.HistoryOf(addr)
	}
	for e, err := range all {
		if err != nil {
			return nil, err
		}
		if !policy.IsExpired(e, r.now) && r.selectsEnded(e) {
			ended = append(ended, e)
		}
	}
	slices.Reverse(ended)
	return ended, nil
}

// heldIn returns the leases that are selected.
func heldIn(tx backend.ReadTx, r *reading) (held []backend.Lease, err error) {
	if addr := r.addr(); addr.IsValid() {
		l, err := tx.Lease(addr)
		if errors.Is(err, backend.ErrNotFound) || err == nil && !r.selects(l, time.Time{}) {
			return nil, nil
		}
		return []backend.Lease{l}, err
	}
	for l, err := range tx.Leases(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		if r.selects(l, time.Time{}) {
			held = append(held, l)
		}
	}
	return held, nil
}

// warnNoHistory names the networks whose stores keep no history, and reports whether there is any.
func (t *tool) warnNoHistory(networks []network) bool {
	var without []string
	for _, n := range networks {
		if kind, err := n.kind(); err == nil && kind == config.Files {
			without = append(without, n.name)
		}
	}
	if len(without) > 0 {
		t.warn("files stores keep no history: %s", strings.Join(without, ", "))
	}
	return len(without) > 0
}

func (t *tool) writePast(rows []pastRow, noTrunc bool) error {
	if t.output == "json" {
		return t.writeJSON(rows)
	}
	w := cli.NewTable(t.out, "NETWORK", "ADDRESS", "CONTAINER", "IFNAME", "SINCE", "UNTIL", "ENDED", "POD")
	for _, r := range rows {
		id := cmp.Or(r.ContainerID, "(forgotten)")
		if r.ContainerID == "" && r.Ended == "" {
			id = "(torn)"
		}
		if !noTrunc && cli.Width(t.out) > 0 {
			id = shortID(id)
		}
		w.Row(r.Network, r.Address.String(), id, r.IfName, t.local(r.since), t.local(r.until), r.Ended, r.Pod)
	}
	return w.Flush()
}

// local formats a time in the local zone.
func (t *tool) local(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(t.now().Location()).Format(time.DateTime)
}
