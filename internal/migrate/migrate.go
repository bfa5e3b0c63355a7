package migrate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/dump"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/owner"
	"github.com/leasehold/leasehold/internal/stores"
)

// Options configure [Run] and [Create].
type Options struct {
	// To is the kind of the new store, config.Files or config.Bolt.
	To string

	// DryRun only checks and reports, and writes nothing.
	DryRun bool

	// LockTimeout is how long to wait for the lock of the store.
	LockTimeout time.Duration

	// Progress, unless nil, is called often, with the number of leases read so far and their
	// approximate total.
	Progress func(leases, total int)

	// Now goes into the name of the backup, and is the time of a lease that has none, if the
	// new store needs one.
	Now time.Time

	// Present is the present boot, as far as it is known.
	Present allocator.Boot
}

// A Report says what a migration has done, or would do.
type Report struct {
	Path     string
	From, To string

	// Already reports that the store was of the wanted kind before.
	Already bool

	Leases  int
	Cursors int
	Digest  string // SHA-256, hexadecimal, of the leases and cursors

	// Torn has the addresses of torn leases, which no DEL can release. They are not moved, and
	// so are free.
	Torn []netip.Addr

	// Forgotten counts what the new store cannot hold.
	Forgotten Forgotten

	// Aside is the path of the backup of the old store.
	Aside string

	// Unmarked says why the old store could not be marked as replaced. Then it may still be
	// used through another mount.
	Unmarked error

	// Ended is the length of the history, if the new store cannot have one.
	Ended int

	// Export is the file with the leases counted in Forgotten, and the history counted in Ended;
	// empty if there are none.
	Export string

	Pruned Pruned
}

// Run moves the leases of the network at path to a store of another kind, which is at path when
// it returns nil. If it returns an error, the old store is at path, unless the error says
// otherwise.
//
// If ctx ends before the exchange, the old store stays. A missing store gives [fs.ErrNotExist];
// a store that is damaged, or has contents that cannot be moved, [backend.ErrDamaged].
func Run(ctx context.Context, path string, o Options) (Report, error) {
	for {
		m := &migration{
			Options: o,
			place:   exchange.At(path),
			report:  Report{Path: path, To: o.To},
		}
		err := m.run(ctx)
		if errors.Is(err, backend.ErrOtherStore) && ctx.Err() == nil {
			if kind, standErr := stores.KindAt(path); standErr == nil && kind != m.report.From {
				continue // Another migration was faster.
			}
		}
		return m.report, err
	}
}

// A migration is one Run.
type migration struct {
	Options
	place  exchange.Place
	report Report
}

func (m *migration) run(ctx context.Context) error {
	from, err := stores.KindAt(m.report.Path)
	if err != nil {
		return err
	}
	if from == stores.None {
		return &fs.PathError{Op: "migrate", Path: m.report.Path, Err: fs.ErrNotExist}
	}
	if target, err := os.Readlink(m.report.Path); err == nil {
		return fmt.Errorf("%s is a symbolic link to %s, but only a store itself can be migrated: replace the link with the store that it leads to",
			m.report.Path, target)
	}
	m.report.From = from
	m.report.Already = from == m.To
	store := stores.OpenChecked(m.report.Path, from)
	defer store.Close() // Each transaction has returned its own error.
	waiting, cancel := context.WithTimeout(ctx, m.LockTimeout)
	defer cancel()
	if m.DryRun {
		return store.View(waiting, func(tx backend.ReadTx) error { return m.preview(ctx, tx) })
	}
	unlock, err := lockPlace(waiting, m.place)
	if err != nil {
		return err
	}
	defer unlock()
	err = store.Update(waiting, func(tx backend.Tx) error {
		s, err := newSuccessor(m.place, m.To, m.LockTimeout)
		if err != nil {
			return err
		}
		return m.replace(ctx, tx, s)
	})
	if err == nil && !m.report.Already {
		m.report.Pruned = prune(m.place, m.Now) // after the lock of the store was released
	}
	return err
}

// preview finds out what a migration would do.
func (m *migration) preview(ctx context.Context, tx backend.ReadTx) error {
	if !m.report.Already {
		if err := checkMovable(m.report.Path, m.report.From); err != nil {
			return err
		}
	}
	r := newSource(ctx, tx, m.Options)
	c, err := r.content()
	if err != nil {
		return err
	}
	for _, err := range c.Leases {
		if err != nil {
			return err
		}
	}
	m.report.record(r, r.fingerprint.finish(c))
	return nil
}

// record adds the result of reading the old store.
func (r *Report) record(from *source, s fingerprint) {
	r.Leases, r.Cursors, r.Digest = s.leases, s.cursors, hex.EncodeToString(s.digest[:])
	r.Torn, r.Forgotten, r.Ended = from.torn, from.forgotten, from.ended
}

// replace replaces the old store, which tx keeps locked, by a new one. It first removes what an
// earlier migration has left behind.
func (m *migration) replace(ctx context.Context, tx backend.Tx, s *successor) error {
	var err error
	if m.report.Aside, err = s.cleanUp("migration", m.Now); err != nil {
		return err
	}
	if m.report.Already {
		return m.preview(ctx, tx)
	}
	return m.move(ctx, tx, s)
}

func (m *migration) move(ctx context.Context, tx backend.Tx, s *successor) error {
	if err := checkMovable(m.report.Path, m.report.From); err != nil {
		return err
	}
	r := newSource(ctx, tx, m.Options)
	c, err := r.content()
	if err != nil {
		return err
	}
	if err := s.build(r.fingerprint.withMemory(c)); err != nil {
		return err
	}
	written := r.fingerprint.finish(c)
	m.report.record(r, written)
	if err := m.export(tx, s.backup); err != nil {
		return errors.Join(err, s.drop())
	}
	if err := s.takeOver(ctx, written); err != nil {
		kind, standErr := stores.KindAt(m.report.Path)
		stays := standErr == nil && kind == m.report.From && !errors.Is(err, exchange.ErrInPlace)
		if stays && m.report.Export != "" {
			err = errors.Join(err, os.Remove(m.report.Export))
		}
		return err
	}
	m.report.Aside, m.report.Unmarked = s.backup, s.unmarked
	return nil
}

// export writes the leases that the new store cannot hold completely to a file beside the
// backup.
func (m *migration) export(tx backend.ReadTx, backup string) error {
	if m.report.Forgotten.Leases == 0 && m.report.Ended == 0 {
		return nil
	}
	c, err := backend.ContentOf(tx)
	if err != nil {
		return err
	}
	if m.report.Ended == 0 {
		c.History = nil
	}
	path := exchange.Export(backup)
	if err := writeExport(path, filepath.Base(m.report.Path), m.report.From, c); err != nil {
		return err
	}
	m.report.Export = path
	return nil
}

func writeExport(path, network, kind string, c backend.Content) error {
	f, err := owner.Create(path)
	if err != nil {
		return err
	}
	_, err = dump.Write(f, network, kind, c)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), os.Remove(path))
	}
	return nil
}
