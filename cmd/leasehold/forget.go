package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
)

// forget removes what is selected from the history of the networks.
func (t *tool) forget(cmd *cobra.Command, names []string, f historyFlags) error {
	s, err := f.selection(t.now())
	switch {
	case err != nil:
		return err
	case f.at != "" || f.since != 0:
		return errors.New("--forget selects by --address, --pod and --container, not by time")
	case len(s.queries) == 0 && len(names) == 0:
		return errors.New("--forget without a selection removes the whole history: name the networks")
	}
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	for i, q := range s.queries {
		if s.queries[i], err = t.onlyContainer(cmd, networks, q); err != nil {
			return err
		}
	}
	var failed error
	for _, n := range networks {
		if kind, err := n.kind(); err != nil || kind != config.Bolt {
			failed = errors.Join(failed, t.inNetwork(n, err))
			continue
		}
		forgotten, err := t.forgetIn(cmd, n, s, f.dryRun)
		if err != nil {
			failed = errors.Join(failed, t.inNetwork(n, err))
			continue
		}
		verb := "forgot"
		if f.dryRun {
			verb = "would forget"
		}
		fmt.Fprintf(t.errs, "%s: %s %s\n", n.name, verb, count(forgotten, "ended lease"))
	}
	t.warnNoHistory(networks)
	return failed
}

// onlyContainer returns a query that selects one container, if q is for an ID: the container with that ID
// or, without one, the only container whose ID begins with it. It fails if there are several: what is
// forgotten cannot be brought back.
func (t *tool) onlyContainer(cmd *cobra.Command, networks []network, q query) (query, error) {
	if q.addr.IsValid() || q.pod != (backend.Pod{}) {
		return q, nil
	}
	ids := make(map[string]bool)
	for _, n := range networks {
		if err := t.addIDs(cmd, n, q, ids); err != nil {
			return q, t.inNetwork(n, err)
		}
	}
	if ids[q.text] {
		return query{text: q.text, whole: true}, nil
	}
	switch all := slices.Sorted(maps.Keys(ids)); len(all) {
	case 0:
		return q, nil
	case 1:
		return query{text: all[0], whole: true}, nil
	default:
		return q, severalIDs(q.text, all[0], all[1])
	}
}

// addIDs adds the ID of each container that q may mean, of ended leases and of those that are held.
// If q is more than a prefix, it adds the text of q.
func (t *tool) addIDs(cmd *cobra.Command, n network, q query, ids map[string]bool) error {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	add := func(l backend.Lease) {
		if q.selects(l) {
			ids[q.text] = true
		} else if q.isPrefixOf(l.Owner.ContainerID) {
			ids[l.Owner.ContainerID] = true
		}
	}
	return t.readStore(n).View(ctx, func(tx backend.ReadTx) error {
		if h, ok := tx.(backend.HistoryReadTx); ok {
			for e, err := range h.History() {
				if err != nil {
					return err
				}
				add(e.Lease)
			}
		}
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			add(l)
		}
		return nil
	})
}

func (t *tool) forgetIn(cmd *cobra.Command, n network, s selection, dryRun bool) (int, error) {
	store := t.storeForPortions(n)
	if dryRun {
		store = dryRunStore{store}
	}
	if len(s.queries) == 0 {
		return allocator.ForgetAll(cmd.Context(), store)
	}
	return allocator.Forget(cmd.Context(), store, func(e backend.Ended) bool { return s.selects(e.Lease, e.Until) })
}
