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
	"github.com/leasehold/leasehold/internal/stores"
)

// Options say how to migrate, or to plant.
type Options struct {
	// To is the kind of store that is wanted, config.Files or config.Bolt.
	To string

	// DryRun has everything looked at and nothing written.
	DryRun bool

	// LockTimeout is how long to wait for the lock of the store.
	LockTimeout time.Duration

	// Progress, unless nil, is called with the number of leases read so far, and
	// about how many there are, often.
	Progress func(leases, total int)

	// Now is the time that the name of the old store says, and that a lease
	// gets of which no time is known where it has to have one.
	Now time.Time

	// Present is the present boot, as far as it is known.
	Present allocator.Boot
}

// A Report says what a migration has done, or would do.
type Report struct {
	Path     string
	From, To string

	// Already reports that a store of the kind wanted stood there.
	Already bool

	Leases  int
	Cursors int
	Digest  string // SHA-256, hexadecimal, of what either store holds

	// Torn are the addresses of leases that a crash has torn. Nobody can
	// release them; they were left behind, and are free.
	Torn []netip.Addr

	// Forgotten counts what the new store cannot hold.
	Forgotten Forgotten

	// Aside is where the old store is kept.
	Aside string

	// Unmarked says why the old store could not be made to say that it was replaced.
	// Then it can go on being used through another mount.
	Unmarked error

	// Export is the file with all that is Forgotten; empty if nothing is.
	Export string

	Pruned Pruned
}

// Run moves the leases of the network whose store stands at path to a store of
// another kind, which stands at path when it returns nil. If it returns an error,
// the old store stands there, unless the error says otherwise.
//
// If ctx ends before the stores change places, the old one stays. A store that
// does not exist gives [fs.ErrNotExist]; one that is damaged, or holds what cannot
// be moved, [backend.ErrDamaged].
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
				continue // Another migration was first.
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
		return fmt.Errorf("%s is a symbolic link to %s, and only a store itself can be moved: put that in the place of the link, or name the directory that it is in as \"dataDir\" in ipam",
			m.report.Path, target)
	}
	m.report.From = from
	m.report.Already = from == m.To
	store := stores.OpenChecked(m.report.Path, from)
	defer store.Close()
	waiting, cancel := context.WithTimeout(ctx, m.LockTimeout)
	defer cancel()
	if m.DryRun {
		return store.View(waiting, func(tx backend.ReadTx) error { return m.look(ctx, tx) })
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
		m.report.Pruned = prune(m.place, m.Now) // when plugins do not wait any more
	}
	return err
}

// look finds out what a migration would do.
func (m *migration) look(ctx context.Context, tx backend.ReadTx) error {
	r := newReading(ctx, tx, m.Options)
	c, err := r.content()
	if err != nil {
		return err
	}
	for _, err := range c.Leases {
		if err != nil {
			return err
		}
	}
	m.report.note(r, r.sum.finish(c.Cursors))
	return nil
}

// note enters what was read into the report.
func (r *Report) note(from *reading, s sum) {
	r.Leases, r.Cursors, r.Digest = s.leases, s.cursors, hex.EncodeToString(s.digest[:])
	r.Torn, r.Forgotten = from.torn, from.forgotten
}

// replace puts a new store in the place of the old one, which tx keeps locked. What
// an earlier migration has left behind goes first.
func (m *migration) replace(ctx context.Context, tx backend.Tx, s *successor) error {
	var err error
	if m.report.Aside, err = s.cleanUp("migration", m.Now); err != nil {
		return err
	}
	if m.report.Already {
		return m.look(ctx, tx)
	}
	return m.move(ctx, tx, s)
}

func (m *migration) move(ctx context.Context, tx backend.Tx, s *successor) error {
	r := newReading(ctx, tx, m.Options)
	c, err := r.content()
	if err != nil {
		return err
	}
	if err := s.build(c); err != nil {
		return err
	}
	written := r.sum.finish(c.Cursors)
	m.report.note(r, written)
	if err := m.export(tx, s.aside); err != nil {
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
	m.report.Aside, m.report.Unmarked = s.aside, s.unmarked
	return nil
}

// export writes down, beside the old store, what the new one cannot hold.
func (m *migration) export(tx backend.ReadTx, aside string) error {
	if m.report.Forgotten.Leases == 0 {
		return nil
	}
	c, err := backend.ContentOf(tx)
	if err != nil {
		return err
	}
	path := exchange.Export(aside)
	if err := writeExport(path, filepath.Base(m.report.Path), m.report.From, c); err != nil {
		return err
	}
	m.report.Export = path
	return nil
}

func writeExport(path, network, kind string, c backend.Content) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
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
