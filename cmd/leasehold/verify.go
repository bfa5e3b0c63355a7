package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

func (t *tool) verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify [NETWORK…] [--repair]",
		Short: "Find problems with stores and configurations, and repair stores",
		Long: `Find problems with the stores of the networks named, or of all networks:
damaged pages and records, indices that contradict the leases, torn lease files,
files that do not belong there. Also find addresses that are leased in two
stores, as after a data directory was moved (give the old one too: --data-dir
OLD --data-dir NEW). The exit status is 1 if a problem was found.

Configurations are checked as well: leases of addresses that are outside every
range, excluded, the gateway or a broadcast address; ranges that overlap with
another network or include an address of this host; configurations that the
plugin rejects, and keys in ipam that it ignores.

While verify reads a store, an ADD on the network waits, because indices and
leases must be compared in one transaction. (list, who, usage, why-full and
metrics read in portions.)

A note is not a problem: see cnitool validate --help for the notes about
configurations. Networks with the same addresses on different links of the host
(macvlan, ipvlan, vlan) are a note, because the links need not be connected.
Stray files in a data directory are notes, too.

With --repair, a damaged bolt store is replaced by a new one with every lease
that can be read; the old one is kept in the directory .leasehold beside the
stores. If only the owner of a lease is lost, its address stays taken. If even
the lost addresses are unknown, nothing is changed, because they could be leased
again while containers use them; --accept-loss repairs all the same.

No plugin uses a store that was replaced by a migration or a repair. Such a
store can be seen through an old mount, can have been put back by hand, or
remains if a migration was killed and .leasehold removed. --repair --accept-loss
puts it back in use.

In a files store, --repair releases torn leases, corrects the names of lease
files and removes invalid cursors. Leases outside every range are left to
release and gc. Problems that remain are printed.

As JSON: an array of objects with the keys network, store (files or bolt; empty
if there is no store), finding, repaired (what was repaired; empty if nothing)
and note (a bool).`,
		RunE: func(cmd *cobra.Command, names []string) error { return t.verify(cmd, names, f) },
	}
	c.Flags().BoolVar(&f.repair, "repair", false, "repair the stores of the networks named")
	c.Flags().BoolVar(&f.acceptLoss, "accept-loss", false, "with --repair: repair even if it is not known which leases are lost")
	return c
}

type verifyFlags struct{ repair, acceptLoss bool }

// A finding is a problem, a note, or a repair.
type finding struct {
	Network  string `json:"network"`
	Store    string `json:"store"` // empty if there is no store
	Finding  string `json:"finding"`
	Repaired string `json:"repaired"`

	// Note reports that the finding is not a problem.
	Note bool `json:"note"`
}

// label precedes the text of a finding.
func (f finding) label() string {
	if f.Note {
		return "note: "
	}
	return ""
}

// isWrong reports whether the finding is a problem that was not repaired.
func (f finding) isWrong() bool { return f.Finding != "" && !f.Note }

func (t *tool) verify(cmd *cobra.Command, names []string, f verifyFlags) error {
	switch {
	case f.repair && len(names) == 0:
		return errors.New("give the names of the networks to repair")
	case f.acceptLoss && !f.repair:
		return errors.New("--accept-loss needs --repair")
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	cmd.SetContext(ctx)
	t.reportProblems = len(names) == 0
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	if t.confDir != "" && len(t.configured) == 0 {
		t.warn("%s: cannot check for leases outside every range", t.notConfigured())
	}
	findings, failed := t.checkStores(cmd, networks, f)
	ofNode, err := t.nodeFindings(cmd, networks, len(names) > 0)
	findings, failed = append(findings, ofNode...), errors.Join(failed, err)
	stop() // While the output blocks, a signal must end the command at once.
	if err := errors.Join(t.printFindings(networks, findings, failed), failed); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, finding.isWrong) {
		t.adviseReplaced(networks)
		return cli.ErrNo
	}
	return nil
}

// checkStores returns the findings about the stores of networks, never nil.
func (t *tool) checkStores(cmd *cobra.Command, networks []network, f verifyFlags) (findings []finding, failed error) {
	findings = []finding{}
	for _, n := range networks {
		found, err := t.verifyOne(cmd, n, f)
		findings = append(findings, found...)
		failed = errors.Join(failed, t.inNetwork(n, err))
	}
	return findings, failed
}

// adviseReplaced prints advice about replaced stores, the only finding whose text does not
// make clear what to do.
func (t *tool) adviseReplaced(networks []network) {
	for _, n := range networks {
		if err := n.replaced(); err != nil {
			t.printNext(t.advice(t.inNetwork(n, err)))
		}
	}
}

// verifyOne returns the findings about a store. With --repair it repairs the store first.
func (t *tool) verifyOne(cmd *cobra.Command, n network, f verifyFlags) ([]finding, error) {
	kind, err := n.kind()
	if err != nil || kind == stores.None {
		return nil, err
	}
	t.warnOfLocks(n, kind)
	found, damaged, err := t.storeFindings(cmd, n, kind)
	if err != nil || !f.repair || len(found) == 0 {
		return found, err
	}
	if why := n.notStore(); why != nil {
		return nil, fmt.Errorf("%s: %w; nothing was changed", n.path, why)
	}
	done, err := t.reinstate(cmd, n, kind, f.acceptLoss)
	if err != nil {
		return found, err
	}
	if kind, err = n.kind(); err != nil { // A migration can have changed the kind.
		return found, err
	}
	reinstated := len(done) > 0
	if reinstated { // Before, only the mark of the replaced store was reported.
		if _, damaged, err = t.storeFindings(cmd, n, kind); err != nil {
			return done, err
		}
	}
	// An intact bolt store is not repaired: the repair would keep leases outside the ranges.
	if damaged || kind == config.Files {
		repaired, err := t.repair(cmd, n, kind, f.acceptLoss)
		done = append(done, repaired...)
		if err != nil {
			return append(done, found...), err
		}
	}
	if reinstated {
		if err := t.missUntilNow(cmd, n); err != nil {
			return append(done, found...), err
		}
	}
	remaining, _, err := t.storeFindings(cmd, n, kind)
	return append(done, remaining...), err
}

// missUntilNow has the history of a store, if it keeps one, say that it lacks what the store that had replaced
// it has leased.
func (t *tool) missUntilNow(cmd *cobra.Command, n network) error {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	return n.store().Update(ctx, func(tx backend.Tx) error {
		if h, ok := tx.(backend.HistoryTx); ok {
			return h.Count(backend.Counts{Gap: t.now()})
		}
		return nil
	})
}

// reinstate puts a replaced store back in use.
func (t *tool) reinstate(cmd *cobra.Command, n network, kind string, acceptLoss bool) ([]finding, error) {
	err := n.replaced()
	if !errors.Is(err, backend.ErrReplaced) {
		return nil, err
	}
	if !acceptLoss {
		return nil, fmt.Errorf("%w; nothing was changed", err)
	}
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	if replaced, err := exchange.At(n.path).TakeBack(ctx); err != nil || !replaced {
		return nil, err
	}
	return []finding{{Network: n.name, Store: kind, Repaired: "this store was replaced by another, and is in use again; " +
		"it lacks everything that was leased or released since: compare with the runtime before you let pods start"}}, nil
}

// storeFindings returns the findings about a store. damaged reports that --repair must
// replace or reinstate the store.
func (t *tool) storeFindings(cmd *cobra.Command, n network, kind string) (found []finding, damaged bool, err error) {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	add := func(text string) {
		found = append(found, finding{Network: n.name, Store: kind, Finding: text})
	}
	err = stores.Verify(ctx, n.path)
	if err == nil {
		err = exchange.At(n.path).CheckBlocked()
	}
	if blocked := (*exchange.BlockedError)(nil); errors.As(err, &blocked) {
		add(blocked.Error())
		return found, false, nil
	}
	if !isFinding(err) {
		return nil, false, err
	}
	if err != nil {
		if why := n.notStore(); why != nil {
			err = fmt.Errorf("%s: %w", n.path, why)
		}
		for line := range strings.Lines(err.Error()) {
			add(strings.TrimSpace(line))
		}
		if kind == config.Bolt || errors.Is(err, backend.ErrReplaced) {
			return found, true, nil // Its leases may be wrong, so they are not checked.
		}
	}
	if from, err := exchange.At(n.path).PutBack(); err != nil {
		return found, false, err
	} else if from != "" {
		found = append(found, finding{Network: n.name, Store: kind, Note: true, Finding: fmt.Sprintf(
			"it looks like a replaced store that was copied over the one in use (%s): then it lacks what was leased and released since, so compare it with the runtime", from)})
	}
	leases, err := t.allLeases(cmd, n)
	for _, l := range leases {
		if why := n.whyNotLeasable(l.Addr); why != "" {
			add(fmt.Sprintf("%s is leased, %s, and %s", l.Addr, t.holderText(l), why))
		}
	}
	return found, false, err
}

// isFinding reports whether err is nil or a problem of the store, rather than a failure to
// read it.
func isFinding(err error) bool {
	return err == nil || errors.Is(err, backend.ErrDamaged) || errors.Is(err, backend.ErrFormat) ||
		errors.Is(err, backend.ErrOtherStore) || errors.Is(err, backend.ErrReplaced)
}

func (t *tool) repair(cmd *cobra.Command, n network, kind string, acceptLoss bool) (done []finding, err error) {
	add := func(format string, args ...any) {
		done = append(done, finding{Network: n.name, Store: kind, Repaired: fmt.Sprintf(format, args...)})
	}
	if kind == config.Files {
		err = t.repairFiles(cmd, n, add)
		return done, err
	}
	o := migrate.RepairOptions{AcceptLoss: acceptLoss, LockTimeout: t.lockTimeout, Now: t.now(), Present: boot.Current()}
	r, err := migrate.Repair(cmd.Context(), n.path, o)
	if err != nil {
		return nil, err
	}
	add("a new store holds %s; the old one is kept in %s", count(r.Leases, "lease"), r.Aside)
	if r.Doubtful > 0 {
		add("%d of them were found in unreachable pages: they may have been released already; leasehold gc releases the ones that are not in use", r.Doubtful)
	}
	if r.Kept > 0 {
		add("only the address of %s is known: it stays leased, to container %q, until gc, release or a reboot", count(r.Kept, "lease"), migrate.LostContainer)
	}
	t.warnUnmarked(n, r.Unmarked)
	t.warnNotPruned(n, r.Pruned)
	for _, lost := range r.Lost {
		add("lost: %s", lost)
	}
	if acceptLoss {
		add("addresses of running containers may be leased again: compare with the runtime before you let pods start")
	}
	return done, nil
}

func (t *tool) repairFiles(cmd *cobra.Command, n network, add func(string, ...any)) error {
	present := boot.Current()
	store := files.Open(n.path, files.WithBoot(present.ID, present.Started))
	defer store.Close() // Repair has written and synced everything.
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	done, err := store.Repair(ctx)
	for _, what := range done {
		add("%s", what)
	}
	return err
}

func (t *tool) printFindings(networks []network, findings []finding, failed error) error {
	if t.output == "json" {
		return t.writeJSON(findings)
	}
	for _, f := range findings {
		if f.Repaired != "" {
			fmt.Fprintf(t.out, "%s: repaired: %s\n", f.Network, cli.Printable(f.Repaired))
		} else {
			fmt.Fprintf(t.out, "%s: %s%s\n", f.Network, f.label(), cli.Printable(f.Finding))
		}
	}
	onlyNotes := !slices.ContainsFunc(findings, func(f finding) bool { return !f.Note })
	if onlyNotes && failed == nil {
		fmt.Fprintf(t.out, "%s: nothing is wrong\n", count(len(networks), "network"))
	}
	return nil
}
