package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (t *tool) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual pages into a directory",
		Long: `Write the manual pages of cnitool and its commands into a directory, such as
/usr/local/share/man/man1.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // the same pages from the same source
			return doc.GenManTree(root, &doc.GenManHeader{Title: "CNITOOL", Section: "1", Source: "cnitool"}, args[0])
		},
	}
}
