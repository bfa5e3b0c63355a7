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

// Verify reads the whole store and returns what is wrong with it, joined into one
// error: leases of which nobody knows whose they are, addresses with several
// files, cursors that are none, files that are nothing of a store's, and what
// recovery could not make sense of. None of it keeps the store from working.
func (s *Store) Verify(ctx context.Context) error {
	return s.View(ctx, func(r backend.ReadTx) error {
		t, ok := r.(*tx)
		if !ok {
			return nil // There is no directory yet.
		}
		return errors.Join(t.verifyLeases(), t.verifyCursors(), t.verifyNames(), t.verifyJournal())
	})
}

func (t *tx) verifyLeases() error {
	var found []error
	for l, err := range t.Leases(netip.Addr{}) {
		if err != nil {
			return errors.Join(append(found, err)...)
		}
		if l.Owner.IsZero() {
			found = append(found, t.wrong(fileName(l.Addr), "it is empty: nobody knows who holds the address"))
		} else if err := l.Owner.Validate(); err != nil {
			found = append(found, t.wrong(fileName(l.Addr), err.Error()))
		}
	}
	return errors.Join(append(found, t.verifyOdd()...)...)
}

func (t *tx) verifyOdd() (found []error) {
	for addr, names := range t.found.odd {
		for _, name := range names {
			if i, err := t.dir.stat(t.actual(name)); err == nil && !i.mode.IsRegular() {
				found = append(found, t.wrong(name, foreign(i.mode).Error()))
			} else if name != fileName(addr) {
				found = append(found, t.wrong(name, "the file of this address should be "+fileName(addr)))
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
		if _, err := t.Cursor(set); err != nil && !t.isEmpty(cursorPrefix+set) {
			found = append(found, t.wrong(cursorPrefix+set, "it holds no address"))
		}
	}
	return errors.Join(found...)
}

// isEmpty reports whether a file is one that a full disk or a power cut has left without
// content. Of a cursor, which is never synced, that is to be expected.
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
	for _, name := range l.strange {
		if !ownName(name) {
			found = append(found, t.wrong(name, "it is no lease, no cursor and no lock: no plugin looks at it"))
		}
	}
	return errors.Join(found...)
}

func (t *tx) verifyJournal() error {
	var found []error
	for _, name := range []string{damagedName, earlyDamagedName} {
		j, err := t.dir.journal(name)
		if err == nil && j != nil {
			err = t.wrong(name, j.reason())
		}
		found = append(found, err)
	}
	return errors.Join(found...)
}

// reason returns why a journal was set aside.
func (j *journal) reason() string {
	if j.torn {
		return "a transaction was interrupted and its journal could not be read; " +
			"see who holds which address, and remove this file"
	}
	var names []string
	for _, c := range j.created {
		names = append(names, c.name)
	}
	for _, x := range j.deleted {
		names = append(names, x.name)
	}
	return "a transaction was interrupted, and some of its lease files may have been made again since: " +
		strings.Join(names, ", ") + "; see whether their containers exist, release the others, and remove this file"
}

func (t *tx) wrong(name, what string) error {
	return t.dir.fail("verify", name, fmt.Errorf("%w: %s", backend.ErrDamaged, what))
}
