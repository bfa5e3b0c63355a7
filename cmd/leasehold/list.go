package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (t *tool) listCommand() *cobra.Command {
	var noTrunc bool
	var pod string
	c := &cobra.Command{
		Use:   "list [NETWORK…]",
		Short: "List the leases of networks",
		Long: `List the leases of the networks named, or of all networks.

BOOT says when a lease was made:
  this     since this machine started
  earlier  before that: its container no longer exists
  another  not before that, but with another boot ID: systemd-nspawn and LXC
           show containers another ID than the host's
  this?    before that, but with the present boot ID: the lease was copied or
           imported, the clock was set, or the machine has the same ID after
           every start

"(torn)" is a lease whose owner was lost in a crash. "-" means not known. On a
terminal, container IDs are truncated, and long pod names are shortened. --pod
lists the leases of one pod; files stores do not record pods.

As JSON: an array of objects with the keys network, address, containerID,
ifname, since (RFC 3339), boot (the boot ID) and pod (namespace/name). All
values are strings, empty if not known.`,
		Example: "  leasehold list\n  leasehold list podnet -o json | jq -r '.[].address'",
		RunE: func(cmd *cobra.Command, names []string) error {
			return t.list(cmd, names, pod, noTrunc)
		},
	}
	c.Flags().StringVar(&pod, "pod", "", "list only the leases of a pod, NAMESPACE/POD")
	c.Flags().BoolVar(&noTrunc, "no-trunc", false, "do not truncate IDs and pod names on a terminal")
	return c
}

// list prints the leases that can be read, even if one of the stores cannot.
func (t *tool) list(cmd *cobra.Command, names []string, pod string, noTrunc bool) error {
	if pod != "" {
		return t.listPod(cmd, names, pod, noTrunc)
	}
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	t.warnOfStrays()
	rows := []leaseRow{}
	var failed error
	for _, n := range networks {
		leases, err := t.allLeases(cmd, n)
		failed = errors.Join(failed, t.inNetwork(n, err))
		rows = append(rows, leaseRows(n.name, leases)...)
	}
	return errors.Join(t.writeLeases(rows, noTrunc), failed)
}

// listPod prints the leases of a pod. If it finds none, it names the networks whose stores do
// not record pods.
func (t *tool) listPod(cmd *cobra.Command, names []string, text string, noTrunc bool) error {
	pod, err := parsePod(text)
	if err != nil {
		return err
	}
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	m, failed := t.find(cmd, networks, query{text: text, pod: pod})
	if len(m.exact) == 0 {
		t.warnNoPods(m.podless)
	}
	return errors.Join(t.writeLeases(append([]leaseRow{}, m.exact...), noTrunc), failed)
}
