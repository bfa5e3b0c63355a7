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
		Short: "Delete resources of attachments not in use",
		Long: `Run GC (CNI 1.1): the plugins of a network delete the resources of attachments
that are not in use, and cached attachments that are not in use are detached.

You must say which attachments are in use. Every other container loses its
addresses, including containers that are just starting. No other program may
attach or detach anything meanwhile (CNI SPEC, section 3). On a node with a
running container runtime use "leasehold gc", which spares containers that a
list cannot know about. NETNS is accepted and ignored. If the configuration sets
disableGC, nothing is done and the exit status is 1.

  cnitool gc NET --valid FILE  in use: those listed in FILE, or - for standard
                               input; one container ID on each line
  cnitool gc NET --cached      in use: those in libcni's cache on this host
                               whose namespace exists
  cnitool gc NET --all         delete all: no attachment is in use`,
		Args: cli.Arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := t.readyNetwork(args[0])
			if err != nil {
				return err
			}
			if n.list.DisableGC {
				fmt.Fprintf(t.errs, "cnitool: %s: nothing was done: disableGC is true in %s; leasehold gc ignores that setting\n", n.list.Name, n.file)
				return cli.ErrNo
			}
			known, err := t.cachedAttachments(n)
			if err != nil {
				return err
			}
			var valid []types.GCAttachment
			switch {
			case file != "":
				valid, err = t.readValid(file, known)
			case cached:
				valid = withNamespace(known)
			}
			if err != nil {
				return usageError(err)
			}
			return t.cni().GCNetworkList(cmd.Context(), n.list, &libcni.GCArgs{ValidAttachments: append([]types.GCAttachment{}, valid...)})
		},
	}
	cmd.Flags().StringVar(&file, "valid", "", "file that lists the attachments in use, or -")
	cmd.Flags().BoolVar(&cached, "cached", false, "cached attachments are in use")
	cmd.Flags().BoolVar(&all, "all", false, "no attachment is in use")
	cmd.MarkFlagsMutuallyExclusive("valid", "cached", "all")
	cmd.MarkFlagsOneRequired("valid", "cached", "all")
	return cmd
}

// cachedAttachments returns the attachments of a network in libcni's cache.
func (t *tool) cachedAttachments(n network) (cached []*libcni.NetworkAttachment, err error) {
	every, err := t.cni().GetCachedAttachments("")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the attachments cached in %s: %w", t.cacheDir, err)
	}
	for _, a := range every {
		if a.Network == n.list.Name {
			cached = append(cached, a)
		}
	}
	return cached, nil
}

// readValid reads a list of attachments. An entry without an interface also covers every
// cached attachment of its container.
func (t *tool) readValid(file string, known []*libcni.NetworkAttachment) (valid []types.GCAttachment, err error) {
	in := t.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close() // It is only read.
		in = f
	}
	list, err := attachments.Read(io.Reader(in))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, o := range list.Owners() {
		valid = append(valid, types.GCAttachment{ContainerID: o.ContainerID, IfName: o.IfName})
		for _, a := range known {
			if o.Covers(backend.Owner{ContainerID: a.ContainerID, IfName: a.IfName}) {
				valid = append(valid, types.GCAttachment{ContainerID: a.ContainerID, IfName: a.IfName})
			}
		}
	}
	return valid, nil
}

// withNamespace returns the attachments whose namespace exists.
func withNamespace(known []*libcni.NetworkAttachment) (valid []types.GCAttachment) {
	for _, a := range known {
		if _, err := os.Stat(a.NetNS); err == nil {
			valid = append(valid, types.GCAttachment{ContainerID: a.ContainerID, IfName: a.IfName})
		}
	}
	return valid
}
