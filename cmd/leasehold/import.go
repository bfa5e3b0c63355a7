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
	backend string
	dryRun  bool
}

func (t *tool) importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Read leases and cursors that export has written",
		Long: `Read what export has written, and put it into the stores of its networks.

A network that has no store gets one. To one that has, leases are added: if an
address is leased to another than the file says, nothing of that network is
imported. Leases that are there already are passed over, and so are cursors: to
import a file twice changes nothing.`,
		Example:     "  leasehold import leases.jsonl\n  leasehold export podnet | ssh node2 leasehold import -",
		Annotations: map[string]string{ownFormat: "in words"},
		Args:        cli.Arguments(1, 1),
		RunE:        func(cmd *cobra.Command, args []string) error { return t.importFile(cmd, args[0], f) },
	}
	c.Flags().StringVar(&f.backend, "backend", "", "kind of store to make where there is none: bolt or files (default: as exported)")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be imported, and import nothing")
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
		defer file.Close() // it was only read
		r = file
	}
	for from := dump.NewReader(r); ; {
		n, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := t.importOne(cmd, n, f); err != nil {
			return fmt.Errorf("%s: %w; nothing of this network was imported", name, err)
		}
	}
}

// An imported counts what an import has done.
type imported struct{ added, there int }

func (t *tool) importOne(cmd *cobra.Command, from *dump.Network, f importFlags) error {
	n, err := t.importTo(from.Name)
	if err != nil {
		return err
	}
	// Before any lock: what comes through a pipe, or from another machine, may stall, and
	// plugins would wait for it.
	if err := from.Keep(); err != nil {
		return t.inNetwork(n, err)
	}
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
	fmt.Fprintf(t.errs, "%s: %s %s, %d were there already (%s)\n", n.name, verb, count(done.added, "lease"), done.there, n.path)
	return nil
}

// importInto plants a store, or adds to the one there is. Plugins may make a first one
// between the two looks.
func (t *tool) importInto(ctx context.Context, n network, from *dump.Network, f importFlags) (done imported, err error) {
	for {
		standing, err := n.kind()
		if err != nil {
			return done, err
		}
		if standing != stores.None || f.dryRun {
			return t.mergeInto(ctx, n, standing, from, f)
		}
		done, err = t.plant(ctx, n, from, cmp.Or(f.backend, from.Store, config.Files))
		if !errors.Is(err, fs.ErrExist) || ctx.Err() != nil {
			return done, err
		}
	}
}

// mergeInto adds to the store of a network, if it has one, or shows what that would do.
func (t *tool) mergeInto(ctx context.Context, n network, standing string, from *dump.Network, f importFlags) (done imported, err error) {
	waiting, cancel := context.WithTimeout(ctx, t.lockTimeout)
	defer cancel()
	store := n.store()
	switch {
	case standing == stores.None:
		store = memory.New()
	case f.dryRun:
		store = rehearsal{store}
	}
	err = store.Update(waiting, done.merge(from.Content))
	return done, err
}

// asOfNow makes the leases ones of the present boot, and gives those a time that have none.
// One of another boot would be released by the next ADD, and one of no boot, or without a
// time, by no reboot. Nor would one in files, if this was not the boot of the last search.
func asOfNow(c backend.Content, present allocator.Boot, now time.Time) backend.Content {
	c.Boot = present.SearchRecord(now)
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

// plant makes a store for a network that has none.
func (t *tool) plant(ctx context.Context, n network, from *dump.Network, kind string) (done imported, err error) {
	var lost migrate.Forgotten
	done.added, lost, err = migrate.Create(ctx, n.path, from.Content,
		migrate.Options{To: kind, LockTimeout: t.lockTimeout, Now: t.now(), Present: boot.Current()})
	if err == nil && lost.Leases > 0 {
		t.warn("%s: files cannot hold all that is known of %s: %s", n.name, count(lost.Leases, "lease"), forgotten(lost))
	}
	return done, err
}

// importTo returns the network of that name, or one that has neither store nor
// configuration yet.
func (t *tool) importTo(name string) (network, error) {
	n, err := t.network(name)
	if errors.Is(err, errUnknown) || len(t.dataDirFlag) > 0 && errors.Is(err, fs.ErrNotExist) {
		return network{name: name, path: filepath.Join(append(t.dataDirFlag, defaultDataDir)[0], name)}, nil
	}
	return n, err
}

// merge puts what c holds into a store, unless an address is leased to another.
func (i *imported) merge(c backend.Content) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		for l, err := range c.Leases {
			if err != nil {
				return err
			}
			if err := i.put(tx, l); err != nil {
				return err
			}
		}
		return mergeState(tx, c)
	}
}

func (i *imported) put(tx backend.Tx, l backend.Lease) error {
	there, err := tx.Lease(l.Addr)
	switch {
	case errors.Is(err, backend.ErrNotFound):
		i.added++
		return tx.Put(l)
	case err != nil:
		return err
	case there.Owner != l.Owner:
		return fmt.Errorf("%s is leased to %s here, and to %s there", l.Addr, there.Owner, l.Owner)
	}
	i.there++
	return nil
}

// mergeState keeps what the store knows.
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
	boot, err := tx.Boot()
	if err != nil || boot != "" || c.Boot == "" {
		return err
	}
	return tx.SetBoot(c.Boot)
}
