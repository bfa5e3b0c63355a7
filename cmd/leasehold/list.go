package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (t *tool) listCommand() *cobra.Command {
	var whole bool
	var pod string
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
for. With --pod: only those of the pod; files stores do not record pods.

As JSON: an array of objects with the keys network, address, containerID,
ifname, since (RFC 3339), boot (the boot ID) and pod (namespace/name), all of
them text and empty if not known.`,
		Example: "  leasehold list\n  leasehold list podnet -o json | jq -r '.[].address'",
		RunE: func(cmd *cobra.Command, names []string) error {
			return t.list(cmd, names, pod, whole)
		},
	}
	c.Flags().StringVar(&pod, "pod", "", "only those of a pod, NAMESPACE/POD")
	c.Flags().BoolVar(&whole, "no-trunc", false, "cut nothing, on a terminal either")
	return c
}

// list prints what can be read, also if a store among several cannot.
func (t *tool) list(cmd *cobra.Command, names []string, pod string, whole bool) error {
	if pod != "" {
		return t.listPod(cmd, names, pod, whole)
	}
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	t.tellBystanders()
	rows := []leaseRow{}
	var failed error
	for _, n := range networks {
		leases, err := t.allLeases(cmd, n)
		failed = errors.Join(failed, t.inNetwork(n, err))
		rows = append(rows, leaseRows(n.name, leases)...)
	}
	return errors.Join(t.writeLeases(rows, whole), failed)
}

// listPod prints the leases of a pod. If it seems to have none, they may be where pods are
// not recorded.
func (t *tool) listPod(cmd *cobra.Command, names []string, text string, whole bool) error {
	pod, err := parsePod(text)
	if err != nil {
		return err
	}
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	h, failed := t.holdings(cmd, networks, wish{text: text, pod: pod})
	if len(h.rows) == 0 {
		t.tellNoPods(h.without)
	}
	return errors.Join(t.writeLeases(append([]leaseRow{}, h.rows...), whole), failed)
}
