package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// Verify reads the whole store and returns everything that is wrong with it, joined into one
// error: torn leases and invalid owners, misnamed or duplicate lease files, cursors without an
// address, files that do not belong to a store, journals that were set aside, and what gives an
// [ErrForeign]. The store works in spite of nearly all that.
func (s *Store) Verify(ctx context.Context) error {
	return s.View(ctx, func(r backend.ReadTx) error {
		t, ok := r.(*tx)
		if !ok {
			return nil // There is no directory yet.
		}
		return errors.Join(t.verifyLeases(), t.verifyCursors(), t.verifyNames(), t.verifyMarker(), t.verifyJournal())
	})
}

func (t *tx) verifyLeases() error {
	var found []error
	for l, err := range t.Leases(netip.Addr{}) {
		if err != nil {
			return errors.Join(append(found, err)...)
		}
		if _, ok := Foreign(l); ok {
			if errors.Is(ForeignFile(t, l.Addr), largeFile) { // verifyIrregular reports the others.
				found = append(found, t.broken(fileName(l.Addr), largeFile))
			}
		} else if l.Owner.IsZero() {
			found = append(found, t.problem(fileName(l.Addr), "it is empty: the holder of the address is unknown"))
		} else if err := l.Owner.Validate(); err != nil {
			found = append(found, t.problem(fileName(l.Addr), err.Error()))
		}
	}
	return errors.Join(append(found, t.verifyIrregular()...)...)
}

func (t *tx) verifyIrregular() (found []error) {
	for addr, names := range t.listing.irregular {
		for _, name := range names {
			if i, err := t.dir.stat(t.resolve(name)); err == nil && !i.mode.IsRegular() {
				found = append(found, t.broken(name, foreignKind(i.mode)))
			} else if name != fileName(addr) {
				found = append(found, t.problem(name, "the file for this address should be called "+fileName(addr)))
			}
		}
	}
	return found
}

func (t *tx) verifyCursors() error {
	l, err := t.list()
	if err != nil {
		return err
	}
	var found []error
	for _, set := range l.cursors {
		if i, err := t.dir.stat(cursorPrefix + set); err == nil && !i.mode.IsRegular() {
			found = append(found, t.broken(cursorPrefix+set, foreignKind(i.mode)))
		} else if _, err := t.Cursor(set); err != nil && !t.isEmpty(cursorPrefix+set) {
			found = append(found, t.problem(cursorPrefix+set, "it contains no address"))
		}
	}
	return errors.Join(found...)
}

// isEmpty reports whether a full disk or a power cut has left a file without content. That is
// normal for a cursor, which is never synced.
func (t *tx) isEmpty(name string) bool {
	text, _, err := t.dir.read(name, nil, maxCursor)
	return err == nil && len(bytes.Trim(text, "\x00")) == 0
}

func (t *tx) verifyNames() error {
	l, err := t.list()
	if err != nil {
		return err
	}
	var found []error
	for _, name := range l.unrelated {
		if !isControlFile(name) {
			found = append(found, t.problem(name, "it is not a lease, a cursor or the lock file; plugins ignore it"))
		}
	}
	return errors.Join(found...)
}

func (t *tx) verifyMarker() error {
	_, err := t.marker()
	return err
}

func (t *tx) verifyJournal() error {
	var found []error
	for _, name := range []string{damagedName, earlyDamagedName} {
		j, err := t.dir.journal(name)
		if err == nil && j != nil {
			err = t.problem(name, j.reason())
		}
		found = append(found, err)
	}
	return errors.Join(found...)
}

func (j *journal) reason() string {
	if j.corrupt {
		return "a transaction was interrupted and its journal could not be read; " +
			"check the holders of the addresses, and remove this file"
	}
	var names []string
	for _, c := range j.created {
		names = append(names, c.name)
	}
	for _, x := range j.deleted {
		names = append(names, x.name)
	}
	return "a transaction was interrupted, and some of its lease files may have been made again since: " +
		strings.Join(names, ", ") + "; check whether their containers exist, release the other leases, and remove this file"
}

func (t *tx) problem(name, what string) error {
	return t.broken(name, errors.New(what))
}

func (t *tx) broken(name string, why error) error {
	return t.dir.fail("verify", name, fmt.Errorf("%w: %w", backend.ErrDamaged, why))
}
