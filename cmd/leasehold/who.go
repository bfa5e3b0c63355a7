package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
)

func (t *tool) whoCommand() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "who (ADDRESS | NAMESPACE/POD | CONTAINER) [--at TIME]",
		Short: "Show who holds or held an address, or what a pod or container has",
		Long: `Show who holds an address, or what a pod or container holds, in any network;
with --at, who held it at that time, such as 14:03, "14:03 UTC" or
"2026-11-25 14:03", as far as history knows: its help has the details.

The first twelve characters of a container ID are enough if no other ID begins
with them; in an ID of nerdctl, the first twelve after the namespace.

If the address is not leased, the answer is "free"; if the pod or container
holds nothing, it is "none". If no lease is known, but one can be missing, it is
"not known", and standard error says why: the store keeps no history, or it
begins later, or was forgotten, or other hosts share the addresses, or the
leases may have been renewed by a repeated ADD ("onDuplicate": "return"). The
exit status is then 1. A note on standard error names who held the address
before; if it is leased, only on a terminal. Files stores do not record that,
nor pods. As JSON: an array with the keys of list, or with --at of history;
empty if there is no lease.`,
		Example: "  leasehold who 10.1.0.7\n  leasehold who shop/web-0\n  leasehold who 4f2d9c0e8b7a\n  leasehold who 10.1.0.7 --at 14:03",
		Args:    cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := parseQuery(args[0])
			if err != nil {
				return err
			}
			if at != "" {
				return t.whoAt(cmd, q, at)
			}
			return t.who(cmd, q)
		},
	}
	c.Flags().StringVar(&at, "at", "", "who held it at this time, such as 14:03")
	return c
}

// parseAddr parses an address. An IPv4-mapped IPv6 address is an IPv4 address.
func parseAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err == nil {
		err = backend.ValidateAddr(addr.Unmap())
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an address: write one like 10.1.2.3 or fd00::3", text)
	}
	return addr.Unmap(), nil
}

func (t *tool) who(cmd *cobra.Command, q query) error {
	networks, err := t.networks(nil)
	if err != nil {
		return err
	}
	m, failed := t.find(cmd, networks, q)
	rows, err := m.unambiguous(q)
	switch {
	case err != nil:
		return err
	case len(rows) > 0:
		err := errors.Join(t.writeLeases(rows, true), failed)
		if cli.Width(t.out) > 0 { // For people: the present holder need not be the one of an alert.
			t.noteHolders(cmd, networks, q, t.present())
		}
		return err
	case failed != nil:
		return failed
	case t.incomplete != nil:
		return t.incomplete
	}
	if q.pod != (backend.Pod{}) {
		t.warnNoPods(m.podless)
	}
	if p := t.elsewhere(cmd, concerned(networks, q), q.addr); len(p.lacks) > 0 {
		t.warnOfLacks(p)
		return t.printUnknown(cmd, networks, q, t.present())
	}
	return t.printFree(cmd, networks, q, t.present())
}

func (t *tool) leaseOf(cmd *cobra.Command, n network, addr netip.Addr) (l backend.Lease, err error) {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	err = t.glance(n).View(ctx, func(tx backend.ReadTx) error {
		l, err = tx.Lease(addr)
		return err
	})
	return l, err
}

// printFree is printNone with a note who held the address before and after.
func (t *tool) printFree(cmd *cobra.Command, networks []network, q query, at moment) error {
	word := "none"
	if q.addr.IsValid() {
		word = "free"
	}
	err := t.printNone(word)
	t.noteHolders(cmd, networks, q, at)
	return err
}

// printNone prints the answer if no lease was found.
func (t *tool) printNone(answer string) error {
	if t.output == "json" {
		return errors.Join(t.writeJSON([]leaseRow{}), cli.ErrNo)
	}
	fmt.Fprintln(t.out, answer)
	return cli.ErrNo
}
