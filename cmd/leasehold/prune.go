package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/migrate"
)

type pruneFlags struct {
	all       bool
	keep      int
	olderThan time.Duration
	dryRun    bool
}

func (t *tool) pruneCommand() *cobra.Command {
	var f pruneFlags
	c := &cobra.Command{
		Use:   "prune (NETWORK… | --all)",
		Short: "Remove stores that migrations and repairs have replaced",
		Long: fmt.Sprintf(`Remove the stores that migrations and repairs have replaced, and their exports,
from the directory .leasehold beside the stores. For each network the newest %d
are kept (--keep), and all stores that were replaced in the last ten minutes
(--older-than). A migration or repair prunes its network at the end; use prune
for other limits, and for networks that no longer exist.

Other files in .leasehold are left alone: stores that are being built, waiting
stores, and files with other names.

As JSON: an array of objects with the keys network, dryRun, removed and kept
(paths, newest first).`, migrate.Keep),
		Example: `  leasehold prune --all --dry-run
  leasehold prune podnet --keep 0 --older-than 720h`,
		RunE: func(cmd *cobra.Command, names []string) error { return t.prune(cmd, names, f) },
	}
	flags := c.Flags()
	flags.BoolVar(&f.all, "all", false, "prune all networks that have replaced stores")
	flags.IntVar(&f.keep, "keep", migrate.Keep, "number of stores to keep per network")
	cli.DurationVar(flags, &f.olderThan, "older-than", migrate.Fresh, "keep stores that were replaced more recently")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be removed, without removing it")
	return c
}

// A pruneRow is the JSON output about one network. The keys are stable.
type pruneRow struct {
	Network string   `json:"network"`
	DryRun  bool     `json:"dryRun"`
	Removed []string `json:"removed"`
	Kept    []string `json:"kept"`
}

func (t *tool) prune(cmd *cobra.Command, names []string, f pruneFlags) error {
	networks, err := t.networksToPrune(names, f)
	if err != nil {
		return err
	}
	rows := []pruneRow{}
	var failed error
	o := migrate.PruneOptions{Keep: f.keep, OlderThan: f.olderThan, DryRun: f.dryRun, LockTimeout: t.lockTimeout, Now: t.now()}
	for _, n := range networks {
		p := migrate.Prune(cmd.Context(), n.path, o)
		failed = errors.Join(failed, t.inNetwork(n, p.Err))
		rows = append(rows, pruneRow{n.name, f.dryRun, nonNil(p.Removed), nonNil(p.Kept)})
	}
	if t.output == "json" {
		return errors.Join(t.writeJSON(rows), failed)
	}
	for _, r := range rows {
		t.printPruned(r)
	}
	return failed
}

// nonNil copies paths, so that JSON has [] instead of null.
func nonNil(paths []string) []string { return append([]string{}, paths...) }

func (t *tool) printPruned(r pruneRow) {
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	for _, path := range r.Removed {
		fmt.Fprintf(t.out, "%s %s\n", verb, path)
	}
	fmt.Fprintf(t.errs, "%s: %s %s, kept %d\n", r.Network, verb, count(len(r.Removed), "store"), len(r.Kept))
}

// networksToPrune checks the arguments and returns the networks that they select. A network
// without a store or a configuration is known by the names of its replaced stores.
func (t *tool) networksToPrune(names []string, f pruneFlags) ([]network, error) {
	switch {
	case f.keep < 0:
		return nil, fmt.Errorf("--keep %d: want 0 or more", f.keep)
	case f.olderThan < 0:
		return nil, fmt.Errorf("--older-than %v: want a duration like 10m", f.olderThan)
	case f.all && len(names) > 0:
		return nil, errors.New("give names of networks, or --all, not both")
	case !f.all && len(names) == 0:
		return nil, errors.New("give the names of the networks to prune, or use --all")
	}
	all, err := t.networksWithReplaced()
	if err != nil || f.all {
		return all, err
	}
	var selected []network
	for _, name := range names {
		found := slices.DeleteFunc(slices.Clone(all), func(n network) bool { return n.name != name })
		if len(found) == 0 {
			n, err := t.network(name) // a network without replaced stores
			if err != nil {
				return nil, err
			}
			found = []network{n}
		}
		selected = append(selected, found...)
	}
	return selected, nil
}

// networksWithReplaced returns the networks that have replaced stores in .leasehold.
func (t *tool) networksWithReplaced() ([]network, error) {
	if _, err := t.networks(nil); err != nil {
		return nil, err
	}
	var all []network
	for _, dir := range t.dirs {
		names, err := exchange.Names(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			i := slices.IndexFunc(t.discovered, func(n network) bool {
				return filepath.Dir(n.path) == filepath.Dir(path) && exchange.At(n.path).Name() == name
			})
			if i >= 0 {
				name, path = t.discovered[i].name, t.discovered[i].path
			}
			all = append(all, network{name: name, path: path})
		}
	}
	slices.SortStableFunc(all, func(a, b network) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.path, b.path)) })
	return all, nil
}

// warnNotPruned warns if a migration or repair could not remove stores that were replaced
// earlier.
func (t *tool) warnNotPruned(n network, p migrate.Pruned) {
	if p.Err != nil {
		t.warn("%s: cannot remove stores that were replaced earlier: %v", n.name, p.Err)
		t.printNext(fmt.Sprintf("leasehold%s prune %s", t.sameFlags(), n.word()))
	}
}
