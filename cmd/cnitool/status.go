package main

import (
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
)

func (t *tool) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status NET [NETNS]",
		Short: "Ask whether a network can serve an add",
		Long: `Ask each plugin of a network whether it could serve an add (CNI 1.1). A network
of an earlier version is not asked. NETNS is accepted, and not used.`,
		Args: cli.Arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := t.ready(args[0])
			if err != nil {
				return err
			}
			return t.cni().GetStatusNetworkList(cmd.Context(), n.list)
		},
	}
}
