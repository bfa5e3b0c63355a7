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
	return &cobra.Command{
		Use:   "who (ADDRESS | NAMESPACE/POD | CONTAINER)",
		Short: "Say who holds an address, or what a pod or container holds",
		Long: `Say who holds an address, or what a pod or a container holds, in any network.
The first twelve characters of a container ID are enough (of nerdctl's, the
first twelve behind the namespace) if no other begins with them.

The answer is "free" if the address is not leased, "none" if the pod or the
container holds nothing, and the exit status is then 1. Files stores do not
record pods. As JSON: an array like that of list, which is empty then.`,
		Example: "  leasehold who 10.1.0.7\n  leasehold who shop/web-0\n  leasehold who 4f2d9c0e8b7a",
		Args:    cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := parseWish(args[0])
			if err != nil {
				return err
			}
			return t.who(cmd, w)
		},
	}
}

// parseAddr reads an address as people write it.
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

func (t *tool) who(cmd *cobra.Command, w wish) error {
	networks, err := t.networks(nil)
	if err != nil {
		return err
	}
	h, failed := t.holdings(cmd, networks, w)
	rows, err := h.one(w)
	switch {
	case err != nil:
		return err
	case len(rows) > 0:
		return errors.Join(t.writeLeases(rows, true), failed)
	case failed != nil:
		return failed
	case t.unseen != nil:
		return t.unseen
	}
	if w.pod != (backend.Pod{}) {
		t.tellNoPods(h.without)
	}
	return t.nothing(w)
}

func (t *tool) leaseOf(cmd *cobra.Command, n network, addr netip.Addr) (l backend.Lease, err error) {
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	err = t.store(n).View(ctx, func(tx backend.ReadTx) error {
		l, err = tx.Lease(addr)
		return err
	})
	return l, err
}

// nothing is the answer if no lease was found.
func (t *tool) nothing(w wish) error {
	switch {
	case t.output == "json":
		return errors.Join(t.writeJSON([]leaseRow{}), errNo)
	case w.addr.IsValid():
		fmt.Fprintln(t.out, "free")
	default:
		fmt.Fprintln(t.out, "none")
	}
	return errNo
}
