package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/stores"
)

type migrateFlags struct {
	to     string
	all    bool
	dryRun bool
}

func (t *tool) migrateCommand() *cobra.Command {
	var f migrateFlags
	c := &cobra.Command{
		Use:   "migrate (NETWORK… | --all) --to bolt|files",
		Short: "Move networks to the other kind of store, while plugins run",
		Long: `Move the leases and cursors of networks from one kind of store to the other.

Plugins can keep running. During a migration they wait for the lock, and if
their configuration sets no backend, they continue with the new store. A
configuration that sets the old backend must be changed; until then ADD fails
and DEL works.

The new store is built beside the old one, synced, read back and compared; then
the two are exchanged in one step. A migration that is interrupted or killed
leaves either the old store or the new one; run the command again to finish it
or start over.

The old store is kept in the directory .leasehold beside the stores, with the
newest three per network: see prune. To go back, migrate to the other kind,
which keeps leases made since. The stock host-local plugin can use only files.

As JSON: an array of objects with the keys network, from, to, already, dryRun,
leases, cursors, digest (SHA-256 over both), torn (addresses of torn leases,
which were left behind), kept (path of the old store), export (path of the
details that files cannot hold) and pruned (paths of older stores that were
removed).`,
		Example: `  leasehold migrate podnet --to bolt --dry-run
  leasehold migrate podnet --to bolt`,
		RunE: func(cmd *cobra.Command, names []string) error { return t.migrate(cmd, names, f) },
	}
	c.Flags().StringVar(&f.to, "to", "", "kind of store to move to: bolt or files")
	c.Flags().BoolVar(&f.all, "all", false, "migrate all networks that are found")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be done, without doing it")
	return c
}

// A migrateRow is the JSON output about one network.
type migrateRow struct {
	Network string       `json:"network"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Already bool         `json:"already"` // the store was of that kind before
	DryRun  bool         `json:"dryRun"`
	Leases  int          `json:"leases"`
	Cursors int          `json:"cursors"`
	Digest  string       `json:"digest"` // SHA-256 over leases and cursors
	Torn    []netip.Addr `json:"torn"`   // left behind: these leases have no readable owner
	Kept    string       `json:"kept"`   // path of the old store
	Export  string       `json:"export"` // path of the details that the new store cannot hold
	Pruned  []string     `json:"pruned"` // paths of older stores that were removed
}

func (t *tool) migrate(cmd *cobra.Command, names []string, f migrateFlags) error {
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	cmd.SetContext(ctx)
	networks, err := t.networksToMigrate(names, f)
	if err != nil {
		return err
	}
	rows := []migrateRow{}
	var failed error
	for _, n := range networks {
		r, err := t.migrateOne(cmd, n, f)
		if err != nil {
			failed = errors.Join(failed, t.inNetwork(n, err))
			continue
		}
		t.warnOfBackend(n, f.to)
		t.warnUnmarked(n, r.Unmarked)
		t.warnNotPruned(n, r.Pruned)
		rows = append(rows, newMigrateRow(n, r, f))
		if t.output == "table" {
			t.printMigrated(n, r, f)
		}
	}
	if t.output == "json" {
		return errors.Join(t.writeJSON(rows), failed)
	}
	return failed
}

// warnOfBackend warns about configurations that set the other kind of store.
func (t *tool) warnOfBackend(n network, to string) {
	for _, c := range n.confs {
		if c.Backend != "" && c.Backend != to {
			t.warn(`%s: %s sets "backend": %q; with the leases in %s, ADD fails until that is changed or removed`, n.name, c.File, c.Backend, to)
		}
	}
}

// warnUnmarked warns if the old store could not be marked as replaced.
func (t *tool) warnUnmarked(n network, why error) {
	if why != nil {
		t.warn("%s: %v; wherever the network itself is mounted, plugins can continue to lease from the old store: unmount it there", n.name, why)
	}
}

// networksToMigrate checks the arguments and returns the networks that they select.
func (t *tool) networksToMigrate(names []string, f migrateFlags) ([]network, error) {
	switch {
	case f.to != config.Bolt && f.to != config.Files:
		return nil, fmt.Errorf("--to %q: use --to bolt or --to files", f.to)
	case f.all && len(names) > 0:
		return nil, errors.New("give names of networks, or --all, not both")
	case !f.all && len(names) == 0:
		return nil, errors.New("give the names of the networks to migrate, or use --all")
	}
	networks, err := t.networks(names)
	if err != nil || !f.all {
		return networks, err
	}
	var withStore []network
	for _, n := range networks {
		kind, err := n.kind()
		if err != nil {
			t.warn("%v; skipped", t.inNetwork(n, err))
			continue
		}
		if kind != stores.None && !n.isWaiting {
			withStore = append(withStore, n)
		}
	}
	return withStore, nil
}

func (t *tool) migrateOne(cmd *cobra.Command, n network, f migrateFlags) (migrate.Report, error) {
	o := migrate.Options{To: f.to, DryRun: f.dryRun, LockTimeout: t.lockTimeout, Now: t.now(), Present: boot.Current()}
	if cli.IsTerminal(t.errs) {
		var done func()
		o.Progress, done = t.progress(n.name)
		defer done()
	}
	t.warnOfLocks(n, config.Bolt) // It is the store before or after.
	if link, target := n.linkedFrom(); link != "" {
		return migrate.Report{}, fmt.Errorf("%s is a symbolic link to %s, and plugins follow it only to a directory: "+
			"replace the link with the store that it leads to", link, target)
	}
	if inner := t.networkWithin(n); inner != "" {
		return migrate.Report{}, fmt.Errorf("the \"dataDir\" of network %s is in the store of %s, and would leave with it: "+
			"stop the containers of %s, and give it another \"dataDir\"", inner, n.name, inner)
	}
	if err := t.checkOnlyName(n, f.to); err != nil {
		return migrate.Report{}, err
	}
	return migrate.Run(cmd.Context(), n.path, o)
}

// networkWithin returns the name of another network whose data directory is in the files store of n, if
// there is one.
func (t *tool) networkWithin(n network) string {
	if kind, err := n.kind(); err != nil || kind != config.Files {
		return "" // The migration returns the error.
	}
	for _, other := range t.discovered {
		if len(other.confs) > 0 && other.path != n.path && netconf.IsWithin(filepath.Dir(other.path), n.path) {
			return other.name
		}
	}
	return ""
}

// linkedFrom returns the configured path of the store if that is a symbolic link to it, and
// what the link says.
func (n network) linkedFrom() (link, target string) {
	for _, c := range n.confs {
		target, err := os.Readlink(c.Path())
		if err != nil {
			continue // Either it is not a link, or plugins cannot reach the store through it either.
		}
		there, err := os.Stat(c.Path())
		if err != nil {
			continue
		}
		if here, err := os.Stat(n.path); err == nil && os.SameFile(here, there) {
			return c.Path(), target
		}
	}
	return "", ""
}

func newMigrateRow(n network, r migrate.Report, f migrateFlags) migrateRow {
	torn := r.Torn
	if torn == nil {
		torn = []netip.Addr{}
	}
	return migrateRow{
		Network: n.name, From: r.From, To: r.To, Already: r.Already, DryRun: f.dryRun, Leases: r.Leases, Cursors: r.Cursors,
		Digest: r.Digest, Torn: torn, Kept: r.Aside, Export: r.Export, Pruned: nonNil(r.Pruned.Removed),
	}
}

// printMigrated prints what was done and how to go back.
func (t *tool) printMigrated(n network, r migrate.Report, f migrateFlags) {
	say := func(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }
	switch {
	case r.Already:
		say("%s: is in %s already (%s)", n.name, r.To, count(r.Leases, "lease"))
		if r.Aside != "" {
			say("  an earlier migration was interrupted; the store it replaced is now %s", r.Aside)
		}
		return
	case f.dryRun:
		say("%s: would move %s and %s from %s to %s", n.name, count(r.Leases, "lease"), count(r.Cursors, "cursor"), r.From, r.To)
	default:
		say("%s: moved %s and %s from %s to %s; compared: the same", n.name,
			count(r.Leases, "lease"), count(r.Cursors, "cursor"), r.From, r.To)
	}
	if len(r.Torn) > 0 {
		say("  left behind, torn leases without an owner: %s", addrList(r.Torn))
	}
	if lost := r.Forgotten; lost.Leases > 0 {
		say("  files cannot hold all details of %s: %s", count(lost.Leases, "lease"), forgotten(lost))
	}
	if r.Ended > 0 {
		say("  files keep no history: %s", count(r.Ended, "ended lease"))
	}
	if f.dryRun {
		return
	}
	if r.Export != "" {
		say("  the details are kept in %s", r.Export)
	}
	say("  the old store is kept in %s", r.Aside)
	if older := len(r.Pruned.Removed); older > 0 {
		say("  removed %s replaced earlier; kept the newest %d", count(older, "store"), len(r.Pruned.Kept))
	}
	say("  to go back: leasehold%s migrate %s --to %s", t.flagsFor(n), n.word(), r.From)
}

// forgotten lists the details that a files store cannot hold.
func forgotten(f migrate.Forgotten) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{f.Pods, "pod"}, {f.Netns, "network namespace"}, {f.Boots, "boot"}, {f.Times, "unknown time"}} {
		if p.n > 0 {
			parts = append(parts, count(p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// addrList lists the first addresses, and the number of the others.
func addrList(addrs []netip.Addr) string {
	const maxShown = 10
	var texts []string
	for _, a := range addrs[:min(len(addrs), maxShown)] {
		texts = append(texts, a.String())
	}
	text := strings.Join(texts, ", ")
	if more := len(addrs) - maxShown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return cmp.Or(text, "none")
}
