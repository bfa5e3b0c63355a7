package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/dump"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

type importFlags struct {
	backend       string
	skipConflicts bool
	dryRun        bool
}

func (t *tool) importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Add the leases and cursors of an export",
		Long: `Add the leases and cursors of an export to the stores of their networks.

A network without a store gets a new one. If an address is leased to another
attachment than in the export, or a line of the file is wrong, nothing is
imported into that network; other networks are. With --skip-conflicts only the
lease is left out whose address is leased to another: its container must be
gone, or it shares the address with the other one. Leases and cursors that the
store already has are skipped, so an import can be repeated safely.`,
		Example:     "  leasehold import leases.jsonl\n  leasehold export podnet | ssh node2 leasehold import -",
		Annotations: map[string]string{fixedFormat: "in words"},
		Args:        cli.Arguments(1, 1),
		RunE:        func(cmd *cobra.Command, args []string) error { return t.importFile(cmd, args[0], f) },
	}
	c.Flags().StringVar(&f.backend, "backend", "", "kind of store for networks without one: bolt or files (default: as exported)")
	c.Flags().BoolVar(&f.skipConflicts, "skip-conflicts", false, "leave out leases whose addresses others hold in the store, instead of the network")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be imported, without importing it")
	return c
}

func (t *tool) importFile(cmd *cobra.Command, name string, f importFlags) error {
	if f.backend != "" && f.backend != config.Bolt && f.backend != config.Files {
		return fmt.Errorf("--backend %q: use bolt or files", f.backend)
	}
	r := t.in
	if name == "-" {
		name = "standard input"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close() // Closing a file that was only read loses nothing.
		r = file
	}
	var failed error // Networks do not depend on each other.
	for export := dump.NewReader(r); ; {
		from, err := export.Next()
		if errors.Is(err, io.EOF) {
			return failed
		}
		if err == nil {
			err = t.importNetwork(cmd, from, f)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w; nothing of this network was imported", name, err))
		}
		if errors.Is(err, context.Canceled) || !export.Skip() {
			return failed
		}
	}
}

// importNetwork reads everything before it takes a lock: a pipe from another machine can stall, and plugins
// would wait for it.
func (t *tool) importNetwork(cmd *cobra.Command, from *dump.Network, f importFlags) error {
	n, err := t.networkForImport(from.Name)
	if err != nil {
		return err
	}
	if err := from.Keep(); err != nil {
		return t.inNetwork(n, err)
	}
	return t.importOne(cmd, n, from, f)
}

// An imported counts the leases that an import added and skipped.
type imported struct {
	added, existing int
	skipped         conflictsError // leases that are not added
	made            string         // the kind of the store, if import has made it
}

// importOne imports a network that has been read.
func (t *tool) importOne(cmd *cobra.Command, n network, from *dump.Network, f importFlags) error {
	from.Content = asOfNow(from.Content, boot.Current(), t.now())
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	done, err := t.importInto(ctx, n, from, f)
	if err != nil {
		return t.inNetwork(n, err)
	}
	verb := "imported"
	if f.dryRun {
		verb = "would import"
	}
	fmt.Fprintf(t.errs, "%s: %s %s, %d existed already (%s)\n", n.name, verb, count(done.added, "lease"), done.existing, n.path)
	if len(n.confs) == 0 && len(t.dataDirFlag) == 0 {
		t.warn("%s: no configuration names it: %s; plugins find its leases only if they look for them there", n.name, t.notConfigured())
	}
	if len(done.skipped) > 0 {
		t.warn("%s: left out %s: %v", n.name, count(len(done.skipped), "lease"), done.skipped)
	}
	if from.History != nil && done.made != config.Bolt {
		t.warn("%s: the ended leases of the export were left out: they become the history only of a bolt store that import makes", n.name)
	}
	return nil
}

// importInto creates a store, or adds to the existing one. It tries again if a plugin creates
// a store after importInto has found none.
func (t *tool) importInto(ctx context.Context, n network, from *dump.Network, f importFlags) (done imported, err error) {
	for {
		kind, err := n.kind()
		if err != nil {
			return done, err
		}
		if kind != stores.None || f.dryRun {
			return t.mergeInto(ctx, n, kind, from, f)
		}
		done, err = t.createFrom(ctx, n, from, cmp.Or(f.backend, from.Store, config.Files))
		if !errors.Is(err, fs.ErrExist) || ctx.Err() != nil {
			return done, err
		}
	}
}

// mergeInto adds to the existing store of a network. With --dry-run it changes nothing, and
// the network need not have a store.
func (t *tool) mergeInto(ctx context.Context, n network, kind string, from *dump.Network, f importFlags) (done imported, err error) {
	lockCtx, cancel := context.WithTimeout(ctx, t.lockTimeout)
	defer cancel()
	store, content := n.store(), from.Content
	switch {
	case kind == stores.None:
		store = memory.New()
		content.Membership = backend.Membership{} // A new store takes over the membership as it is.
	case f.dryRun:
		store = dryRunStore{store}
	}
	m := merger{present: boot.Current(), now: t.now(), skip: f.skipConflicts}
	err = store.Update(lockCtx, func(tx backend.Tx) (err error) {
		done, err = m.merge(tx, content)
		return err
	})
	return done, err
}

// asOfNow assigns the leases to the present boot, and gives leases without a time the present
// one. The next ADD would release a lease of another boot, and no reboot would release a lease
// without a boot or a time. In a files store, a reboot releases leases only if the last
// recorded search for leases of earlier boots was in this boot.
func asOfNow(c backend.Content, present allocator.Boot, now time.Time) backend.Content {
	c.LastSearch = present.SearchRecord(now)
	leases := c.Leases
	c.Leases = func(yield func(backend.Lease, error) bool) {
		for l, err := range leases {
			l.Boot = present.ID
			if l.Since.IsZero() {
				l.Since = now
			}
			if !yield(l, err) {
				return
			}
		}
	}
	return c
}

// createFrom creates the store of a network that has none.
func (t *tool) createFrom(ctx context.Context, n network, from *dump.Network, kind string) (done imported, err error) {
	var lost migrate.Forgotten
	done.made = kind
	done.added, lost, err = migrate.Create(ctx, n.path, from.Content,
		migrate.Options{To: kind, LockTimeout: t.lockTimeout, Now: t.now(), Present: boot.Current()})
	if err == nil && lost.Leases > 0 {
		t.warn("%s: files cannot hold all details of %s: %s", n.name, count(lost.Leases, "lease"), forgotten(lost))
	}
	return done, err
}

// networkForImport returns the network with that name, or a new network without a store or a
// configuration.
func (t *tool) networkForImport(name string) (network, error) {
	n, err := t.network(name)
	if errors.Is(err, errUnknown) || len(t.dataDirFlag) > 0 && errors.Is(err, fs.ErrNotExist) {
		return network{name: name, path: filepath.Join(append(t.dataDirFlag, defaultDataDir)[0], name)}, nil
	}
	return n, err
}

// A merger adds an export to a store that exists. Its leases belong to the present boot afterwards, also
// those that the store had before: the next ADD would release a lease of an earlier boot.
type merger struct {
	present allocator.Boot
	now     time.Time
	skip    bool // leave out leases of addresses that are leased to other attachments

	lastSearch string // of the store
}

// merge adds the leases and cursors in c to a store. It fails if an address is held by another host or,
// unless skip is set, leased to another attachment.
func (m merger) merge(tx backend.Tx, c backend.Content) (done imported, err error) {
	if err := checkSameMember(tx, c.Membership); err != nil {
		return done, err
	}
	if m.lastSearch, err = tx.LastSearch(); err != nil {
		return done, err
	}
	for l, err := range c.Leases {
		if err != nil {
			return done, err
		}
		var conflict conflictError
		if err := m.put(tx, l, &done); errors.As(err, &conflict) {
			done.skipped = append(done.skipped, conflict)
		} else if err != nil {
			return done, err
		}
	}
	if len(done.skipped) > 0 && !m.skip {
		return done, done.skipped
	}
	return done, cmp.Or(mergeState(tx, c), leaveOutHistory(tx, c))
}

// A conflictError says that the address of a lease is leased to another attachment in the store.
type conflictError struct {
	backend.Lease
	holder backend.Owner
}

func (e conflictError) Error() string {
	return fmt.Sprintf("%s is leased to %s in the store, and to %s in the export", e.Addr, e.holder, e.Owner)
}

// A conflictsError is all conflicts of a network.
type conflictsError []conflictError

func (e conflictsError) Error() string {
	const most = 5 // A terminal has room for them.
	var texts []string
	for _, err := range e[:min(len(e), most)] {
		texts = append(texts, err.Error())
	}
	if more := len(e) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more are leased to others", more))
	}
	return strings.Join(texts, "; ")
}

// leaveOutHistory has the history say that it lacks ended leases of the export, unless it has them from
// an earlier import.
func leaveOutHistory(tx backend.Tx, c backend.Content) error {
	h, ok := tx.(backend.HistoryTx)
	if !ok || c.History == nil && c.Gap.IsZero() {
		return nil
	}
	missing := backend.Counts{Gap: c.Gap}
	if c.History == nil {
		return h.Count(missing)
	}
	for e, err := range c.History {
		if err != nil {
			return err
		}
		recorded, err := isRecorded(h, e)
		if err != nil {
			return err
		}
		if !recorded {
			missing = missing.Plus(backend.Counts{Gap: e.Until})
		}
	}
	return h.Count(missing)
}

// isRecorded reports whether the history has an ended lease.
func isRecorded(h backend.HistoryReadTx, e backend.Ended) (bool, error) {
	for past, err := range h.HistoryOf(e.Addr) {
		if err != nil || past.Owner == e.Owner && past.Until.Equal(e.Until) {
			return err == nil, err
		}
	}
	return false, nil
}

func (m merger) put(tx backend.Tx, l backend.Lease, done *imported) error {
	existing, err := tx.Lease(l.Addr)
	switch {
	case errors.Is(err, backend.ErrNotFound):
		done.added++
		if err := tx.Put(l); err != nil {
			return err
		}
		if !m.present.Ended(backend.Lease{Since: l.Since}, m.lastSearch) {
			return nil
		}
		if existing, err = tx.Lease(l.Addr); err != nil { // A files store forgets the boot.
			return err
		}
	case err != nil:
		return err
	case existing.Owner != l.Owner:
		return conflictError{l, existing.Owner}
	default:
		done.existing++
	}
	return m.keep(tx, existing)
}

// keep sees that the next ADD does not release a lease as one of an earlier boot. A store of lease files, which
// record no boot, has to give it the present time for that.
func (m merger) keep(tx backend.Tx, l backend.Lease) error {
	if !m.present.Ended(l, m.lastSearch) {
		return nil
	}
	if l.Boot == "" {
		l.Since = m.now
	}
	l.Boot = m.present.ID
	if err := tx.Delete(l.Addr); err != nil {
		return err
	}
	return tx.Put(l)
}

// checkSameMember returns an error if the export is of a host that shares its addresses with
// others, and the store is not of the same. Its leases are in blocks of that host.
func checkSameMember(tx backend.Tx, of backend.Membership) error {
	m, err := tx.Membership()
	if err != nil || of.IsZero() || m.Incarnation == of.Incarnation && m.Host == of.Host && m.Space == of.Space {
		return err
	}
	return fmt.Errorf("the export is of host %s, which shares the addresses of %s with other hosts, and the store is not: "+
		"to restore that host, import into a data directory without a store of this network", of.Host, of.Space)
}

// mergeState adds the cursors and the boot that the store does not have yet.
func mergeState(tx backend.Tx, c backend.Content) error {
	for set, addr := range c.Cursors {
		_, err := tx.Cursor(set)
		if errors.Is(err, backend.ErrNotFound) {
			err = tx.SetCursor(set, addr)
		}
		if err != nil {
			return err
		}
	}
	boot, err := tx.LastSearch()
	if err != nil || boot != "" || c.LastSearch == "" {
		return err
	}
	return tx.SetLastSearch(c.LastSearch)
}
