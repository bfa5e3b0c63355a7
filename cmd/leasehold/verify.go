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
		Short: "Look for what is wrong with stores, and mend it",
		Long: `Look for what is wrong with the stores of the networks named, or of all: damaged
pages and records, indices that contradict the leases, torn lease files, files
that do not belong there; and leases of one address in two stores, as there are
after a data directory was moved (name the old one too: --data-dir OLD
--data-dir NEW). The exit status is 1 if something was found.

Where configurations are found, they are looked at as well: leases of addresses
that lie in no range, or are the gateway now, excluded, or a broadcast address;
ranges that overlap with another network's, or have an address of this host;
configurations that the plugin refuses, and keys in ipam that it passes over.

While a store is looked at, an ADD on its network waits: what has to agree in it
has to be of one moment. (list, who, usage, why-full and metrics read in
portions.)

A note is said, and is nothing wrong: see cnitool validate --help for what is.
Networks with the same addresses on different links of the host (macvlan,
ipvlan, vlan) are a note, because nothing may connect these. So is what lies in
a data directory and is no store.

With --repair, a damaged bolt store is replaced by a new one with every lease
that can be read; the old one is kept in the directory .leasehold beside the
stores. Addresses whose holders are lost stay taken. If it is not even known
which those are, nothing is done: they could be leased again while containers
use them. --accept-loss repairs all the same.

A store that was replaced, by a migration or a repair, says so, and no plugin
uses it: its path is seen through an old mount, or it was put back by hand, or a
migration was killed and .leasehold removed. --repair --accept-loss takes it
into use again.

Of a files store, torn leases are released, misspelt names corrected, and
cursors that are none removed. Leases outside every range are left to release
and gc. What is still found afterwards is told.

As JSON: an array of objects with the keys network, store (files or bolt;
empty where there is none), finding, repaired (what was done about
it; empty if nothing) and note (a bool).`,
		RunE: func(cmd *cobra.Command, names []string) error { return t.verify(cmd, names, f) },
	}
	c.Flags().BoolVar(&f.repair, "repair", false, "mend what can be mended in the networks named")
	c.Flags().BoolVar(&f.acceptLoss, "accept-loss", false, "with --repair: also if it is not known what is lost")
	return c
}

type verifyFlags struct{ repair, acceptLoss bool }

// A finding is something wrong with a store, or something that was done about it.
type finding struct {
	Network  string `json:"network"`
	Store    string `json:"store"` // empty where there is none
	Finding  string `json:"finding"`
	Repaired string `json:"repaired"`

	// Note reports that the finding is good to know, and nothing is wrong.
	Note bool `json:"note"`
}

// isWrong reports whether something is wrong, and still is.
func (f finding) isWrong() bool { return f.Finding != "" && !f.Note }

func (t *tool) verify(cmd *cobra.Command, names []string, f verifyFlags) error {
	switch {
	case f.repair && len(names) == 0:
		return errors.New("name the networks to repair")
	case f.acceptLoss && !f.repair:
		return errors.New("--accept-loss needs --repair")
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	cmd.SetContext(ctx)
	t.finding = len(names) == 0
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	if t.confDir != "" && len(t.configured) == 0 {
		t.warn("%s: which leases lie in no range is not known", t.notConfigured())
	}
	findings := []finding{}
	var failed error
	for _, n := range networks {
		found, err := t.verifyOne(cmd, n, f)
		findings = append(findings, found...)
		failed = errors.Join(failed, t.inNetwork(n, err))
	}
	around, err := t.around(cmd, networks, len(names) > 0)
	findings, failed = append(findings, around...), errors.Join(failed, err)
	stop() // Output that is not read must not outlive a signal.
	if err := errors.Join(t.tellFindings(networks, findings, failed), failed); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, finding.isWrong) {
		t.adviseReplaced(networks)
		return errNo
	}
	return nil
}

// adviseReplaced says what to do about networks whose stores were replaced: of what is found,
// that alone has a remedy that does not follow from the finding.
func (t *tool) adviseReplaced(networks []network) {
	for _, n := range networks {
		if err := n.replaced(); err != nil {
			t.next(t.advice(t.inNetwork(n, err)))
		}
	}
}

// verifyOne returns what is wrong with a store, and what was done if it was to be
// repaired.
func (t *tool) verifyOne(cmd *cobra.Command, n network, f verifyFlags) ([]finding, error) {
	kind, err := n.kind()
	if err != nil || kind == stores.None {
		return nil, err
	}
	t.warnOfLocks(n)
	found, faulty, err := t.findings(cmd, n, kind)
	if err != nil || !f.repair || len(found) == 0 {
		return found, err
	}
	if n.isStray() {
		return nil, fmt.Errorf("%s: %w; nothing was changed", n.path, errStray)
	}
	done, err := t.takeBack(cmd, n, kind, f.acceptLoss)
	if err != nil {
		return found, err
	}
	if kind, err = n.kind(); err != nil { // It can have been migrated meanwhile.
		return found, err
	}
	if len(done) > 0 { // What else is wrong was not looked at.
		if _, faulty, err = t.findings(cmd, n, kind); err != nil {
			return done, err
		}
	}
	// A sound bolt store is left alone: of leases outside the ranges it would keep all.
	if faulty || kind == config.Files {
		repaired, err := t.repair(cmd, n, kind, f.acceptLoss)
		done = append(done, repaired...)
		if err != nil {
			return append(done, found...), err
		}
	}
	left, _, err := t.findings(cmd, n, kind)
	return append(done, left...), err
}

// takeBack takes a store into use again that was replaced.
func (t *tool) takeBack(cmd *cobra.Command, n network, kind string, acceptLoss bool) ([]finding, error) {
	err := n.replaced()
	if !errors.Is(err, backend.ErrReplaced) {
		return nil, err
	}
	if !acceptLoss {
		return nil, fmt.Errorf("%w; nothing was changed", err)
	}
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	if replaced, err := exchange.At(n.path).TakeBack(ctx); err != nil || !replaced {
		return nil, err
	}
	return []finding{{Network: n.name, Store: kind, Repaired: "this store was replaced by another, and is in use again; " +
		"what was leased or released since then is not known here: compare with the runtime before you let pods start"}}, nil
}

// findings returns what is wrong with a store. It is faulty if that is so of the store
// itself, and not of what is leased or of other files.
func (t *tool) findings(cmd *cobra.Command, n network, kind string) (found []finding, faulty bool, err error) {
	ctx, cancel := t.waiting(cmd)
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
		if n.isStray() {
			err = fmt.Errorf("%s: %w", n.path, errStray)
		}
		for line := range strings.Lines(err.Error()) {
			add(strings.TrimSpace(line))
		}
		if kind == config.Bolt || errors.Is(err, backend.ErrReplaced) {
			return found, true, nil // Its leases cannot be relied on.
		}
	}
	leases, err := t.allLeases(cmd, n)
	for _, l := range leases {
		if why := n.misplaced(l.Addr); why != "" {
			add(fmt.Sprintf("%s is leased, %s, and %s", l.Addr, t.holder(l), why))
		}
	}
	return found, false, err
}

// isFinding reports whether err says nothing or something about the store, and not
// that one could not look.
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
		add("%d of them were found in pages that nothing leads to: they may have been released; leasehold gc releases what nobody uses", r.Doubtful)
	}
	if r.Kept > 0 {
		add("of %s only the address is known; it stays taken, by %q, until gc, release or a reboot", count(r.Kept, "lease"), migrate.LostContainer)
	}
	t.warnUnmarked(n, r.Unmarked)
	t.tellOlder(n, r.Pruned)
	for _, lost := range r.Lost {
		add("lost: %s", lost)
	}
	if acceptLoss {
		add("addresses of containers that run may be leased again: compare with the runtime before you let pods start")
	}
	return done, nil
}

func (t *tool) repairFiles(cmd *cobra.Command, n network, add func(string, ...any)) error {
	store := files.Open(n.path)
	defer store.Close()
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	done, err := store.Repair(ctx)
	for _, what := range done {
		add("%s", what)
	}
	return err
}

func (t *tool) tellFindings(networks []network, findings []finding, failed error) error {
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
	nothing := !slices.ContainsFunc(findings, func(f finding) bool { return !f.Note })
	if nothing && failed == nil {
		fmt.Fprintf(t.out, "%s: nothing is wrong\n", count(len(networks), "network"))
	}
	return nil
}
