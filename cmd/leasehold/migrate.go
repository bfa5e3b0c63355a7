package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/migrate"
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

Plugins may go on: those that want a lease meanwhile wait for the lock, and go
on with the new store by themselves if their configuration names no backend. A
configuration that names the old one must be changed; until then ADD is refused,
and DEL works.

The new store is built aside, synced, read back and compared, and then the two
change places in one step. Stopped or killed at any moment, it leaves either the
old or the new store; to run it again finishes, or starts over.

The old store is kept in the directory .leasehold beside the stores, the newest
three of each network: see prune. To go back, migrate again, to the other kind:
that keeps what was leased since. A stock host-local plugin can use files only.

As JSON: an array of objects with the keys network, from, to, already, dryRun,
leases, cursors, digest (SHA-256 over both), torn (addresses that were left
behind), kept (path of the old store), export (path of what files cannot hold)
and pruned (paths of older stores that were removed).`,
		Example: `  leasehold migrate podnet --to bolt --dry-run
  leasehold migrate podnet --to bolt`,
		RunE: func(cmd *cobra.Command, names []string) error { return t.migrate(cmd, names, f) },
	}
	c.Flags().StringVar(&f.to, "to", "", "kind of store to move to: bolt or files")
	c.Flags().BoolVar(&f.all, "all", false, "move all networks that are found")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

// A migrateRow is the answer about one network, in JSON.
type migrateRow struct {
	Network string       `json:"network"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Already bool         `json:"already"` // it was of that kind
	DryRun  bool         `json:"dryRun"`
	Leases  int          `json:"leases"`
	Cursors int          `json:"cursors"`
	Digest  string       `json:"digest"` // SHA-256 over all of them
	Torn    []netip.Addr `json:"torn"`   // left behind: nobody holds them
	Kept    string       `json:"kept"`   // path of the old store
	Export  string       `json:"export"` // path of what the new store cannot hold
	Pruned  []string     `json:"pruned"` // paths of older stores that were removed
}

func (t *tool) migrate(cmd *cobra.Command, names []string, f migrateFlags) error {
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	cmd.SetContext(ctx)
	networks, err := t.toMigrate(names, f)
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
		t.tellOlder(n, r.Pruned)
		rows = append(rows, newMigrateRow(n, r, f))
		if t.output == "table" {
			t.tellMigrated(n, r, f)
		}
	}
	if t.output == "json" {
		return errors.Join(t.writeJSON(rows), failed)
	}
	return failed
}

// warnOfBackend says if a configuration names the other kind of store.
func (t *tool) warnOfBackend(n network, to string) {
	for _, c := range n.confs {
		if c.Backend != "" && c.Backend != to {
			t.warn(`%s: %s says "backend": %q; with the leases in %s, ADD is refused until that is changed or left out`, n.name, c.File, c.Backend, to)
		}
	}
}

// warnUnmarked says if a store that was replaced could not be told so.
func (t *tool) warnUnmarked(n network, why error) {
	if why != nil {
		t.warn("%s: %v; wherever the network itself is mounted, plugins can go on leasing from the old one: unmount it there", n.name, why)
	}
}

// toMigrate returns the networks that are meant, and makes sure that it is clear
// what is wanted.
func (t *tool) toMigrate(names []string, f migrateFlags) ([]network, error) {
	switch {
	case f.to != config.Bolt && f.to != config.Files:
		return nil, fmt.Errorf("--to %q: use --to bolt or --to files", f.to)
	case f.all && len(names) > 0:
		return nil, errors.New("name networks, or use --all, not both")
	case !f.all && len(names) == 0:
		return nil, errors.New("name the networks to migrate, or use --all")
	}
	networks, err := t.networks(names)
	if err != nil || !f.all {
		return networks, err
	}
	var standing []network
	for _, n := range networks {
		kind, err := n.kind()
		if err != nil {
			t.warn("%v; passed over", t.inNetwork(n, err))
			continue
		}
		if kind != stores.None && !n.waits {
			standing = append(standing, n)
		}
	}
	return standing, nil
}

func (t *tool) migrateOne(cmd *cobra.Command, n network, f migrateFlags) (migrate.Report, error) {
	o := migrate.Options{To: f.to, DryRun: f.dryRun, LockTimeout: t.lockTimeout, Now: t.now(), Present: boot.Current()}
	if cli.IsTerminal(t.errs) {
		var done func()
		o.Progress, done = t.progress(n.name)
		defer done()
	}
	t.warnOfLocks(n)
	if link := n.linkedFrom(); link != "" {
		return migrate.Report{}, fmt.Errorf("%s is a symbolic link to %s, and plugins follow it to a directory only: "+
			"put the store in the place of the link, or name the directory that it is in as \"dataDir\" in ipam", link, n.path)
	}
	return migrate.Run(cmd.Context(), n.path, o)
}

// linkedFrom returns the path at which a configuration has the store, if that is a symbolic
// link to it.
func (n network) linkedFrom() string {
	for _, c := range n.confs {
		info, err := os.Lstat(c.Path())
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			continue // One that cannot be looked at leads no plugin to the store.
		}
		there, err := os.Stat(c.Path())
		if err != nil {
			continue
		}
		if here, err := os.Stat(n.path); err == nil && os.SameFile(here, there) {
			return c.Path()
		}
	}
	return ""
}

func newMigrateRow(n network, r migrate.Report, f migrateFlags) migrateRow {
	torn := r.Torn
	if torn == nil {
		torn = []netip.Addr{}
	}
	return migrateRow{
		Network: n.name, From: r.From, To: r.To, Already: r.Already, DryRun: f.dryRun, Leases: r.Leases, Cursors: r.Cursors,
		Digest: r.Digest, Torn: torn, Kept: r.Aside, Export: r.Export, Pruned: orNone(r.Pruned.Removed),
	}
}

// tellMigrated says what has been done and how to go back.
func (t *tool) tellMigrated(n network, r migrate.Report, f migrateFlags) {
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
		say("  left behind, since nobody holds them: %s", addrList(r.Torn))
	}
	if lost := r.Forgotten; lost.Leases > 0 {
		say("  files cannot hold all that is known of %s: %s", count(lost.Leases, "lease"), forgotten(lost))
	}
	if f.dryRun {
		return
	}
	if r.Export != "" {
		say("  that is written in %s", r.Export)
	}
	say("  the old store is kept in %s", r.Aside)
	if older := len(r.Pruned.Removed); older > 0 {
		say("  removed %s that had been replaced before; the newest %d stay", count(older, "store"), len(r.Pruned.Kept))
	}
	say("  to go back: leasehold%s migrate %s --to %s", t.sameFlags(), n.name, r.From)
}

func forgotten(f migrate.Forgotten) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{f.Pods, "pod"}, {f.Netns, "network namespace"}, {f.Boots, "boot"}, {f.Times, "time that is not known"}} {
		if p.n > 0 {
			parts = append(parts, count(p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// addrList writes the first of the addresses, and how many more there are.
func addrList(addrs []netip.Addr) string {
	const shown = 10
	var texts []string
	for _, a := range addrs[:min(len(addrs), shown)] {
		texts = append(texts, a.String())
	}
	text := strings.Join(texts, ", ")
	if more := len(addrs) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return cmp.Or(text, "none")
}
