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
		Use:   "who ADDRESS",
		Short: "Say who holds an address, in any network",
		Long: `Say who holds an address, in any network.

If nobody does, the answer is "free" and the exit status 1. As JSON: an array as
that of list, which is empty if the address is free.`,
		Args: cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			addr, err := parseAddr(args[0])
			if err != nil {
				return err
			}
			return t.who(cmd, addr)
		},
	}
}

// parseAddr reads an address as people write it.
func parseAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err == nil {
		err = backend.ValidAddr(addr.Unmap())
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an address: write one like 10.1.2.3 or fd00::3", text)
	}
	return addr.Unmap(), nil
}

func (t *tool) who(cmd *cobra.Command, addr netip.Addr) error {
	networks, err := t.networks(nil)
	if err != nil {
		return err
	}
	rows := []leaseRow{}
	var failed error
	for _, n := range networks {
		l, err := t.leaseOf(cmd, n, addr)
		switch {
		case err == nil:
			rows = append(rows, newLeaseRow(n.name, l))
		case !errors.Is(err, backend.ErrNotFound):
			failed = errors.Join(failed, t.inNetwork(n, err))
		}
	}
	if len(rows) == 0 && failed == nil {
		return t.free()
	}
	if len(rows) == 0 {
		return failed
	}
	return errors.Join(t.writeLeases(rows, true), failed)
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

// free is the answer about an address that nobody holds.
func (t *tool) free() error {
	if t.output == "json" {
		return errors.Join(t.writeJSON([]leaseRow{}), errNo)
	}
	fmt.Fprintln(t.out, "free")
	return errNo
}
