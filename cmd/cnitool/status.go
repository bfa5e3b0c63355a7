package main

import (
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
)

func (t *tool) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status NET [NETNS]",
		Short: "Ask whether a network can serve an ADD",
		Long: `Ask each plugin of a network whether it can serve an ADD (STATUS, CNI 1.1). The
plugins of a network with an earlier cniVersion are not asked. NETNS is accepted
and ignored.`,
		Args: cli.Arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := t.readyNetwork(args[0])
			if err != nil {
				return err
			}
			return t.cni().GetStatusNetworkList(cmd.Context(), n.list)
		},
	}
}
