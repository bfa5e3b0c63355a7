package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/config"
)

// complete has the shell complete names of networks where a command takes them, and the
// values of flags that have few. A command line in a panic is typed with a tab key.
func (t *tool) complete(root *cobra.Command) {
	values := map[string][]string{"output": {"table", "json"}, "to": {config.Bolt, config.Files}}
	for _, c := range root.Commands() {
		if _, args, _ := strings.Cut(c.Use, " "); strings.Contains(args, "NETWORK") {
			c.ValidArgsFunction = t.networkNames(strings.Contains(args, "NETWORK…"))
		}
		for flag, some := range values {
			if flag == "to" && c.Name() != "migrate" || c.Flag(flag) == nil {
				continue // metrics --to is a file
			}
			fixed := cobra.FixedCompletions(some, cobra.ShellCompDirectiveNoFileComp)
			_ = c.RegisterFlagCompletionFunc(flag, fixed) // It fails for a flag that is not there, or has one.
		}
	}
}

// networkNames returns what completes the names of networks: the first argument, or all.
func (t *tool) networkNames(all bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		networks, err := t.networks(nil)
		if err != nil || len(args) > 0 && !all {
			return nil, cobra.ShellCompDirectiveNoFileComp // There is nobody to tell.
		}
		for _, n := range networks {
			if !slices.Contains(args, n.name) {
				names = append(names, n.name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
