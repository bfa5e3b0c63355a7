package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/config"
)

// complete makes the shell complete names of networks, pods, containers and addresses, and the
// values of flags with a fixed set.
func (t *tool) complete(root *cobra.Command) {
	values := map[string][]string{"output": {"table", "json"}, "to": {config.Bolt, config.Files}}
	commands := root.Commands()
	for _, c := range root.Commands() {
		commands = append(commands, c.Commands()...)
	}
	for _, c := range commands {
		if _, args, _ := strings.Cut(c.Use, " "); strings.Contains(args, "NETWORK") {
			c.ValidArgsFunction = t.networkNames(strings.Contains(args, "NETWORK…"))
		}
		if c.Name() == "who" && c.Parent() == root {
			c.ValidArgsFunction = t.completeLeaseNames(leaseRow.names)
		}
		if c.Flag("pod") != nil {
			_ = c.RegisterFlagCompletionFunc("pod", t.completeLeaseNames(leaseRow.pods)) // as below
		}
		for flag, some := range values {
			if flag == "to" && c.Name() != "migrate" || c.Flag(flag) == nil {
				continue // metrics --to is a file
			}
			fixed := cobra.FixedCompletions(some, cobra.ShellCompDirectiveNoFileComp)
			_ = c.RegisterFlagCompletionFunc(flag, fixed) // It fails only for a missing flag, or a second call.
		}
	}
}

// networkNames returns the completion of network names, for the first argument or for all.
func (t *tool) networkNames(all bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		networks, err := t.networks(nil)
		t.incomplete = nil // The names that were found are useful without the others.
		if err != nil || len(args) > 0 && !all {
			return nil, cobra.ShellCompDirectiveNoFileComp // A completion cannot print an error.
		}
		for _, n := range networks {
			if !slices.Contains(args, n.name) {
				names = append(names, n.name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeLeaseNames returns the completion of names that leases have. It is limited, because
// there can be more names than a terminal can show.
func (t *tool) completeLeaseNames(names func(leaseRow) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) (found []string, _ cobra.ShellCompDirective) {
		const maxNames = 100
		networks, err := t.networks(nil)
		t.incomplete = nil // as above
		if err != nil || cmd.Name() == "who" && len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp // as above
		}
		for _, n := range networks {
			leases, err := t.allLeases(cmd, n)
			if err != nil {
				continue // as above
			}
			for _, r := range leaseRows(n.name, leases) {
				for _, name := range names(r) {
					if name != "" && strings.HasPrefix(name, typed) && !slices.Contains(found, name) && len(found) < maxNames {
						found = append(found, name)
					}
				}
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// names returns the arguments of who that find the lease.
func (r leaseRow) names() []string { return []string{r.Address.String(), r.Pod, r.ContainerID} }

func (r leaseRow) pods() []string { return []string{r.Pod} }
