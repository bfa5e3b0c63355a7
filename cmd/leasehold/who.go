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
		Use:   "who (ADDRESS | NAMESPACE/POD | CONTAINER)",
		Short: "Show who holds an address, or what a pod or container holds",
		Long: `Show who holds an address, or what a pod or container holds, in any network.
The first twelve characters of a container ID are enough if no other ID begins
with them; in an ID of nerdctl, the first twelve after the namespace.

If the address is not leased, the answer is "free"; if the pod or container
holds nothing, it is "none". The exit status is then 1. Files stores do not
record pods. As JSON: an array with the keys of list, empty for "free" and
"none".

--at asks who held it then, such as 14:03 or "2026-11-25 14:03", and answers
with what history shows of that time: its help has the details.`,
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
	c.Flags().StringVar(&at, "at", "", "who held it at this time")
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
		return errors.Join(t.writeLeases(rows, true), failed)
	case failed != nil:
		return failed
	case t.incomplete != nil:
		return t.incomplete
	}
	if q.pod != (backend.Pod{}) {
		t.warnNoPods(m.podless)
	}
	return t.printNone(q)
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

// printNone prints the answer if no lease was found.
func (t *tool) printNone(q query) error {
	switch {
	case t.output == "json":
		return errors.Join(t.writeJSON([]leaseRow{}), cli.ErrNo)
	case q.addr.IsValid():
		fmt.Fprintln(t.out, "free")
	default:
		fmt.Fprintln(t.out, "none")
	}
	return cli.ErrNo
}
