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
		Long: fmt.Sprintf(`Remove the stores of networks that migrations and repairs have replaced, and the
exports beside them, from the directory .leasehold beside the stores. Of each
network the newest %d are kept, or --keep, and those that were replaced in the
last ten minutes, or --older-than. A migration or repair does the same when it
is done; this is for those of before, and for networks that are no more.

What else is in that directory is left alone: a store that is being built, or
waits for its place, and what has another name.

As JSON: an array of objects with the keys network, dryRun, removed and kept
(paths, newest first).`, migrate.Keep),
		Example: `  leasehold prune --all --dry-run
  leasehold prune podnet --keep 0 --older-than 720h`,
		RunE: func(cmd *cobra.Command, names []string) error { return t.prune(cmd, names, f) },
	}
	flags := c.Flags()
	flags.BoolVar(&f.all, "all", false, "prune all networks of which something is kept")
	flags.IntVar(&f.keep, "keep", migrate.Keep, "how many to keep of each network")
	cli.DurationVar(flags, &f.olderThan, "older-than", migrate.Fresh, "keep what was replaced since")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	return c
}

// A pruneRow is the answer about one network. The keys are stable.
type pruneRow struct {
	Network string   `json:"network"`
	DryRun  bool     `json:"dryRun"`
	Removed []string `json:"removed"`
	Kept    []string `json:"kept"`
}

func (t *tool) prune(cmd *cobra.Command, names []string, f pruneFlags) error {
	networks, err := t.toPrune(names, f)
	if err != nil {
		return err
	}
	rows := []pruneRow{}
	var failed error
	o := migrate.PruneOptions{Keep: f.keep, OlderThan: f.olderThan, DryRun: f.dryRun, LockTimeout: t.lockTimeout, Now: t.now()}
	for _, n := range networks {
		p := migrate.Prune(cmd.Context(), n.path, o)
		failed = errors.Join(failed, t.inNetwork(n, p.Err))
		rows = append(rows, pruneRow{n.name, f.dryRun, orNone(p.Removed), orNone(p.Kept)})
	}
	if t.output == "json" {
		return errors.Join(t.writeJSON(rows), failed)
	}
	for _, r := range rows {
		t.tellPruned(r)
	}
	return failed
}

func orNone(paths []string) []string { return append([]string{}, paths...) }

func (t *tool) tellPruned(r pruneRow) {
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	for _, path := range r.Removed {
		fmt.Fprintf(t.out, "%s %s\n", verb, path)
	}
	fmt.Fprintf(t.errs, "%s: %s %s, kept %d\n", r.Network, verb, count(len(r.Removed), "store"), len(r.Kept))
}

// toPrune returns the networks that are meant. Those whose stores and configurations are gone
// have only their names there.
func (t *tool) toPrune(names []string, f pruneFlags) ([]network, error) {
	switch {
	case f.keep < 0:
		return nil, fmt.Errorf("--keep %d: want 0 or more", f.keep)
	case f.olderThan < 0:
		return nil, fmt.Errorf("--older-than %v: want a duration like 10m", f.olderThan)
	case f.all && len(names) > 0:
		return nil, errors.New("name networks, or use --all, not both")
	case !f.all && len(names) == 0:
		return nil, errors.New("name the networks to prune, or use --all")
	}
	all, err := t.replacedOnes()
	if err != nil || f.all {
		return all, err
	}
	var meant []network
	for _, name := range names {
		found := slices.DeleteFunc(slices.Clone(all), func(n network) bool { return n.name != name })
		if len(found) == 0 {
			n, err := t.network(name) // to which nothing has happened yet
			if err != nil {
				return nil, err
			}
			found = []network{n}
		}
		meant = append(meant, found...)
	}
	return meant, nil
}

// replacedOnes returns the networks of which stores that were replaced are kept.
func (t *tool) replacedOnes() ([]network, error) {
	known, err := t.networks(nil)
	if err != nil {
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
			i := slices.IndexFunc(known, func(n network) bool {
				return filepath.Dir(n.path) == filepath.Dir(path) && exchange.At(n.path).Name() == name
			})
			if i >= 0 {
				name, path = known[i].name, known[i].path
			}
			all = append(all, network{name: name, path: path})
		}
	}
	slices.SortStableFunc(all, func(a, b network) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.path, b.path)) })
	return all, nil
}

// tellOlder says what a migration or a repair has done about stores replaced before.
func (t *tool) tellOlder(n network, p migrate.Pruned) {
	if p.Err != nil {
		t.warn("%s: stores that were replaced before stay: %v", n.name, p.Err)
		t.next(fmt.Sprintf("leasehold%s prune %s", t.sameFlags(), n.name))
	}
}
