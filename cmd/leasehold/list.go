package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (t *tool) listCommand() *cobra.Command {
	var whole bool
	c := &cobra.Command{
		Use:   "list [NETWORK…]",
		Short: "List the leases of networks",
		Long: `List the leases of the networks named, or of all.

A BOOT of "this" is a lease made since this machine started, "earlier" one dated
before: no container of that time is left. "another" is a lease with another
boot ID that is not dated before: systemd-nspawn and LXC show another ID than
that of their host. "this?" is one dated before, but of this boot by its ID or
its file: it was copied or imported, the clock was set, or the machine has the
same ID after every start.

A lease that is "(torn)" has lost its holder in a crash. What is not known is
"-". On a terminal, container IDs are cut, and so are pods that it has no room
for.

As JSON: an array of objects with the keys network, address, containerID,
ifname, since (RFC 3339), boot (the boot ID) and pod (namespace/name), all of
them text and empty if not known.`,
		Example: "  leasehold list\n  leasehold list podnet -o json | jq -r '.[].address'",
		RunE: func(cmd *cobra.Command, names []string) error {
			return t.list(cmd, names, whole)
		},
	}
	c.Flags().BoolVar(&whole, "no-trunc", false, "cut nothing, on a terminal either")
	return c
}

// list prints what can be read, also if a store among several cannot.
func (t *tool) list(cmd *cobra.Command, names []string, whole bool) error {
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	rows := []leaseRow{}
	var failed error
	for _, n := range networks {
		leases, err := t.allLeases(cmd, n)
		failed = errors.Join(failed, t.inNetwork(n, err))
		rows = append(rows, leaseRows(n.name, leases)...)
	}
	return errors.Join(t.writeLeases(rows, whole), failed)
}
