package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// Repair fixes what needs no decision by the operator, and returns what it has done, in words.
// It releases torn leases, renames misnamed lease files, and removes cursor files without an
// address. It renames a journal that was set aside, so that [Store.Verify] does not report it
// again. It leaves files that do not belong to the store. If thousands of leases are torn, it
// takes several transactions.
func (s *Store) Repair(ctx context.Context) (done []string, err error) {
	for {
		fixed, err := s.repairOnce(ctx)
		done = append(done, fixed...)
		if err != nil || len(fixed) < maxTornPerTx {
			return done, err
		}
	}
}

// maxTornPerTx limits how many torn leases one transaction releases, so that no ADD waits long.
const maxTornPerTx = 256

func (s *Store) repairOnce(ctx context.Context) (done []string, err error) {
	err = s.Update(ctx, func(w backend.Tx) error {
		t, ok := w.(*tx)
		if !ok {
			return nil
		}
		for _, fix := range []func(*tx) ([]string, error){releaseTorn, fixNames, removeBadCursors, putAwayJournal} {
			fixed, err := fix(t)
			done = append(done, fixed...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

func releaseTorn(t *tx) (done []string, err error) {
	var torn []netip.Addr
	for l, err := range t.Leases(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		if l.Owner.IsZero() {
			torn = append(torn, l.Addr)
		}
		if len(torn) == maxTornPerTx {
			break
		}
	}
	for _, addr := range torn {
		if err := t.Delete(addr); err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("released %s, whose file was empty", addr))
	}
	return done, nil
}

// fixNames renames at once, and not at the end of the transaction: the file is the same lease
// under either name.
func fixNames(t *tx) (done []string, err error) {
	l, err := t.list()
	if err != nil {
		return nil, err
	}
	for addr, names := range l.irregular {
		name := names[0]
		if len(names) > 1 || name == fileName(addr) || slices.Contains(l.plain, addr) || t.resolve(name) != name {
			continue // If there are several files, the operator must decide which is the lease.
		}
		i, err := t.dir.stat(name)
		if err != nil || !i.mode.IsRegular() {
			continue // It is not a lease file, or was released meanwhile.
		}
		t.keepEarlier(name, i)
		if err := t.dir.renameNew(name, fileName(addr)); err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("renamed %s to %s", name, fileName(addr)))
	}
	if len(done) > 0 {
		t.listing = nil // The listing has the old names.
		err = t.dir.sync()
	}
	return done, err
}

func removeBadCursors(t *tx) (done []string, err error) {
	l, err := t.list()
	if err != nil {
		return nil, err
	}
	for _, set := range l.cursors {
		_, err := t.Cursor(set)
		if err == nil {
			continue
		}
		name := cursorPrefix + set
		if i, err := t.dir.stat(name); err != nil || !i.mode.IsRegular() {
			continue // It is not a cursor file.
		}
		if err := t.dir.remove(name); err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("removed %s, which contained no address", name))
	}
	return done, nil
}

func putAwayJournal(t *tx) (done []string, err error) {
	for _, name := range []string{damagedName, earlyDamagedName} {
		err := t.dir.rename(name, seenName)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("renamed %s to %s", name, seenName))
	}
	if len(done) == 0 {
		return nil, nil
	}
	return done, t.dir.sync()
}
