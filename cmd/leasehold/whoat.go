package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/stores"
)

// whoAt answers who at a time that is not now.
func (t *tool) whoAt(cmd *cobra.Command, q query, text string) error {
	at, err := parseMoment(text, t.now())
	if err != nil {
		return fmt.Errorf("--at: %w", err)
	}
	networks, err := t.networks(nil)
	if err != nil {
		return err
	}
	t.warnOfTwice(at)
	p, failed := t.pastOf(cmd, concerned(networks, q), selection{queries: []query{q}, at: at})
	switch {
	case len(p.rows) > 0:
		if at.isAhead(t.now()) || !q.addr.IsValid() { // An address has one holder at a time.
			t.warnOfLacks(p)
		}
		return errors.Join(t.writePast(p.rows, true), failed)
	case failed != nil:
		return failed
	case t.incomplete != nil:
		return t.incomplete
	}
	without := t.warnNoHistory(concerned(networks, q))
	t.warnOfLacks(p)
	if !without && len(p.lacks) == 0 {
		return t.printFree(cmd, networks, q, at)
	}
	return t.printUnknown(cmd, networks, q, at)
}

// printUnknown is printFree where it is not known whether the address was free.
func (t *tool) printUnknown(cmd *cobra.Command, networks []network, q query, at moment) error {
	err := t.printNone("not known")
	t.noteHolders(cmd, networks, q, at)
	return err
}

// concerned returns the networks that can have had what is asked for: an address matters only to those
// that have it in a range, if any has.
func concerned(networks []network, q query) []network {
	if !q.addr.IsValid() {
		return networks
	}
	some := slices.DeleteFunc(slices.Clone(networks), func(n network) bool { return !n.contains(q.addr) })
	if len(some) == 0 {
		return networks
	}
	return some
}

// noteHolders names who held an address before and after a time at which it was free: the clock of an
// alert is seldom right to the second.
func (t *tool) noteHolders(cmd *cobra.Command, networks []network, q query, at moment) {
	if !q.addr.IsValid() || t.output == "json" {
		return
	}
	p, err := t.pastOf(cmd, networks, selection{queries: []query{q}})
	if err != nil {
		return // It is only a note.
	}
	var before, after pastRow
	for _, r := range p.rows {
		if !r.until.IsZero() && !r.until.After(at.from.Add(at.again)) && r.until.After(before.until) {
			before = r
		}
		if !r.since.Before(at.until) && (after.since.IsZero() || r.since.Before(after.since)) {
			after = r
		}
	}
	if !before.until.IsZero() {
		t.warn("%s: held by %s until %s", q.addr, before.holder(), t.local(before.until))
	}
	if !after.since.IsZero() {
		t.warn("%s: held by %s from %s", q.addr, after.holder(), t.local(after.since))
	}
	if before.holder() != "" || after.holder() != "" {
		t.printNext(fmt.Sprintf("leasehold%s history --address %s", t.sameFlags(), q.addr))
	}
}

// holder names who held the lease, in a sentence.
func (r pastRow) holder() string {
	if r.Pod == "" && r.ContainerID != "" {
		return "container " + shortID(r.ContainerID)
	}
	return r.Pod
}

// A past is what is known of the selected leases.
type past struct {
	rows  []pastRow
	lacks []string // why there can be others at the selected time, in sentences
}

// pastOf returns the past of all networks that can be read.
func (t *tool) pastOf(cmd *cobra.Command, networks []network, s selection) (p past, failed error) {
	p.rows = []pastRow{}
	if s.at.isAhead(t.now()) {
		p.lacks = append(p.lacks, "that time is in the future: what will be leased then is not known")
	}
	for _, n := range networks {
		some, err := t.pastIn(cmd, n, s)
		failed = errors.Join(failed, t.inNetwork(n, err))
		p.rows = append(p.rows, some.rows...)
		p.lacks = append(p.lacks, some.lacks...)
	}
	return p, failed
}

// pastIn reads what is selected of a network: the ended leases in the order in which they ended,
// and those that are held.
func (t *tool) pastIn(cmd *cobra.Command, n network, s selection) (p past, err error) {
	if kind, err := n.kind(); err == nil && kind == stores.None && s.at != (moment{}) && !s.at.isAhead(t.now()) {
		p.lacks = []string{fmt.Sprintf("%s: what was leased is not known: there is no store at %s", n.name, n.path)}
		return p, nil
	}
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	read := t.readStore
	if s.addr().IsValid() {
		read = t.glance
	}
	err = read(n).View(ctx, func(tx backend.ReadTx) error {
		r := &reading{selection: s, now: t.now()}
		p, err = pastRows(n, tx, r)
		found := s.addr().IsValid() && len(p.rows) > 0 // An address has one holder at a time.
		if err == nil && !found && s.at != (moment{}) && !s.at.isAhead(t.now()) {
			p.lacks, err = t.lacksIn(n, tx, r)
		}
		return err
	})
	return p, err
}

func pastRows(n network, tx backend.ReadTx, r *reading) (p past, err error) {
	ended, err := endedIn(tx, r)
	if err != nil {
		return p, err
	}
	for _, e := range ended {
		p.rows = append(p.rows, newPastRow(n.name, e))
	}
	held, err := heldIn(tx, r)
	for _, l := range held {
		p.rows = append(p.rows, newHeldRow(n.name, l))
	}
	return p, err
}

// lacksIn says why leases can be missing that were held at the selected time.
func (t *tool) lacksIn(n network, tx backend.ReadTx, r *reading) (lacks []string, err error) {
	h, ok := tx.(backend.HistoryReadTx)
	if !ok {
		return nil, nil // See warnNoHistory.
	}
	reach, err := allocator.ReadReach(tx, r.addr(), r.now)
	if err != nil {
		return nil, err
	}
	switch {
	case reach.Knows(r.at.from):
	case reach.From.Equal(r.now):
		lacks = append(lacks, fmt.Sprintf("%s: what has ended is not known: %s", n.name, reach.Why))
	default:
		lacks = append(lacks, fmt.Sprintf("%s: what ended before %s is not known: %s", n.name, t.local(reach.From), reach.Why))
	}
	other, err := otherHosts(n, tx, r.addr(), r.at)
	if err != nil {
		return nil, err
	}
	lacks = append(lacks, other...)
	counts, err := h.Counts()
	if err != nil {
		return nil, err
	}
	if r.later && (n.renews() || counts.Renewed.After(r.at.from)) {
		lacks = append(lacks, n.name+`: since when leases were held is not known: a repeated ADD gives them its time ("onDuplicate": "return")`)
	}
	if r.ahead.After(r.at.from) {
		lacks = append(lacks, fmt.Sprintf("%s: the clock was set back: a lease is dated %s, and was held before that", n.name, t.local(r.ahead)))
	}
	return lacks, nil
}

// otherHosts says that another host may have leased an address, if the network shares its addresses. Which
// host had which blocks at another time than the present is not known.
func otherHosts(n network, tx backend.ReadTx, addr netip.Addr, at moment) (lacks []string, err error) {
	held, shared, err := allocator.Held(tx)
	if err != nil || !shared || !addr.IsValid() {
		return nil, err
	}
	here := slices.ContainsFunc(held, func(s allocator.Span) bool { return s.Contains(addr) })
	switch {
	case at.wasGiven():
		return []string{fmt.Sprintf("%s: other hosts lease addresses of it, too: ask on each host that can have had %s then", n.name, addr)}, nil
	case !here:
		return []string{fmt.Sprintf("%s: %s is in no block that this host holds; the host that does: leasehold cluster who %s %s", n.name, addr, n.word(), addr)}, nil
	}
	return nil, nil
}

// elsewhere says why an address that is not leased here may be leased by another host now.
func (t *tool) elsewhere(cmd *cobra.Command, networks []network, addr netip.Addr) (p past) {
	if !addr.IsValid() {
		return p
	}
	for _, n := range networks {
		ctx, cancel := t.lockContext(cmd)
		err := t.glance(n).View(ctx, func(tx backend.ReadTx) error {
			lacks, err := otherHosts(n, tx, addr, t.present())
			p.lacks = append(p.lacks, lacks...)
			return err
		})
		cancel()
		if err != nil {
			p.lacks = append(p.lacks, t.inNetwork(n, err).Error())
		}
	}
	return p
}

func (t *tool) warnOfLacks(p past) {
	for _, why := range p.lacks {
		t.warn("%s", why)
	}
}
