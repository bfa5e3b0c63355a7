package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/cli"
)

func (t *tool) gcCommand() *cobra.Command {
	var file string
	var cached, all bool
	cmd := &cobra.Command{
		Use:   "gc NET [NETNS]",
		Short: "Delete what belongs to no attachment in use",
		Long: `Have the plugins of a network delete what belongs to no attachment that is in
use (CNI 1.1), and detach what is remembered of attachments that are not.

Which are in use has to be said: whatever is not listed loses its addresses,
containers that are starting included. No other program may attach or detach
anything meanwhile (CNI SPEC, section 3). Where a runtime is at work, use
"leasehold gc", which spares what a list cannot know. NETNS is accepted, and not
used. For a list with disableGC nothing is done, and the exit status is 1.

  cnitool gc NET --valid FILE  those in a file, or - for standard input: a
                               container ID in each line
  cnitool gc NET --cached      those that libcni remembers on this host and
                               whose namespace is there
  cnitool gc NET --all         none: everything goes`,
		Args: cli.Arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := t.ready(args[0])
			if err != nil {
				return err
			}
			if n.list.DisableGC {
				fmt.Fprintf(t.errs, "cnitool: %s: nothing was done: disableGC is true in %s; leasehold gc works all the same\n", n.list.Name, n.file)
				return errNo
			}
			remembered, err := t.remembered(n)
			if err != nil {
				return err
			}
			var valid []types.GCAttachment
			switch {
			case file != "":
				valid, err = t.listed(file, remembered)
			case cached:
				valid = present(remembered)
			}
			if err != nil {
				return usageError(err)
			}
			return t.cni().GCNetworkList(cmd.Context(), n.list, &libcni.GCArgs{ValidAttachments: append([]types.GCAttachment{}, valid...)})
		},
	}
	cmd.Flags().StringVar(&file, "valid", "", "a file with the attachments in use, or -")
	cmd.Flags().BoolVar(&cached, "cached", false, "those that libcni remembers are in use")
	cmd.Flags().BoolVar(&all, "all", false, "none is in use")
	cmd.MarkFlagsMutuallyExclusive("valid", "cached", "all")
	cmd.MarkFlagsOneRequired("valid", "cached", "all")
	return cmd
}

// remembered returns the attachments of a network that libcni knows of on this host.
func (t *tool) remembered(n network) (of []*libcni.NetworkAttachment, err error) {
	every, err := t.cni().GetCachedAttachments("")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("what libcni remembers in %s: %w", t.cacheDir, err)
	}
	for _, a := range every {
		if a.Network == n.list.Name {
			of = append(of, a)
		}
	}
	return of, nil
}

// listed reads a list of attachments. One without an interface stands for those that
// libcni remembers of the container.
func (t *tool) listed(file string, remembered []*libcni.NetworkAttachment) (valid []types.GCAttachment, err error) {
	in := t.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close() // It is only read.
		in = f
	}
	owners, err := attachments.Read(io.Reader(in))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, o := range owners {
		valid = append(valid, types.GCAttachment{ContainerID: o.ContainerID, IfName: o.IfName})
		for _, a := range remembered {
			if o.Covers(backend.Owner{ContainerID: a.ContainerID, IfName: a.IfName}) {
				valid = append(valid, types.GCAttachment{ContainerID: a.ContainerID, IfName: a.IfName})
			}
		}
	}
	return valid, nil
}

// present returns the attachments whose namespace is there.
func present(remembered []*libcni.NetworkAttachment) (valid []types.GCAttachment) {
	for _, a := range remembered {
		if _, err := os.Stat(a.NetNS); err == nil {
			valid = append(valid, types.GCAttachment{ContainerID: a.ContainerID, IfName: a.IfName})
		}
	}
	return valid
}
