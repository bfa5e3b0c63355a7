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
		if c.Name() == "who" {
			c.ValidArgsFunction = t.holders(leaseRow.names)
		}
		if c.Flag("pod") != nil {
			_ = c.RegisterFlagCompletionFunc("pod", t.holders(leaseRow.pods)) // as below
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
		t.unseen = nil // A user who may not look can still have names completed.
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

// holders returns what completes names that leases have, of which there may be too many to
// show.
func (t *tool) holders(names func(leaseRow) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) (found []string, _ cobra.ShellCompDirective) {
		const most = 100
		networks, err := t.networks(nil)
		t.unseen = nil // as above
		if err != nil || cmd.Name() == "who" && len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp // There is nobody to tell.
		}
		for _, n := range networks {
			leases, err := t.allLeases(cmd, n)
			if err != nil {
				continue // as above
			}
			for _, r := range leaseRows(n.name, leases) {
				for _, name := range names(r) {
					if name != "" && strings.HasPrefix(name, typed) && !slices.Contains(found, name) && len(found) < most {
						found = append(found, name)
					}
				}
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// names returns what a lease can be found by.
func (r leaseRow) names() []string { return []string{r.Address.String(), r.Pod, r.ContainerID} }

func (r leaseRow) pods() []string { return []string{r.Pod} }
