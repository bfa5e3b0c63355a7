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

// Repair mends what [Store.Verify] finds and nobody needs to be asked about, and
// returns what it has done, in words: torn leases end; files get the name that
// their address should have; cursors that are none go. A journal that could not be
// read is put where Verify does not speak of it any more. What is not a store's
// stays. It takes several transactions if thousands of leases are torn.
func (s *Store) Repair(ctx context.Context) (done []string, err error) {
	for {
		mended, err := s.repairSome(ctx)
		done = append(done, mended...)
		if err != nil || len(mended) < tornAtOnce {
			return done, err
		}
	}
}

// tornAtOnce is how many torn leases end in one transaction, so that no ADD waits long.
const tornAtOnce = 256

func (s *Store) repairSome(ctx context.Context) (done []string, err error) {
	err = s.Update(ctx, func(w backend.Tx) error {
		t, ok := w.(*tx)
		if !ok {
			return nil
		}
		for _, mend := range []func(*tx) ([]string, error){mendTorn, mendNames, mendCursors, mendJournal} {
			mended, err := mend(t)
			done = append(done, mended...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

func mendTorn(t *tx) (done []string, err error) {
	var torn []netip.Addr
	for l, err := range t.Leases(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		if l.Owner.IsZero() {
			torn = append(torn, l.Addr)
		}
		if len(torn) == tornAtOnce {
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

// mendNames renames at once, and not when the transaction is committed: a file that
// has one name or the other is the same lease.
func mendNames(t *tx) (done []string, err error) {
	l, err := t.list()
	if err != nil {
		return nil, err
	}
	for addr, names := range l.odd {
		name := names[0]
		if len(names) > 1 || name == fileName(addr) || slices.Contains(l.plain, addr) || t.actual(name) != name {
			continue // Which of several is the lease, only a person can tell.
		}
		if i, err := t.dir.stat(name); err != nil || !i.mode.IsRegular() {
			continue // It is foreign, or was released meanwhile.
		}
		if err := t.dir.renameNew(name, fileName(addr)); err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("renamed %s to %s", name, fileName(addr)))
	}
	if len(done) > 0 {
		t.found = nil // The listing is of before.
		err = t.dir.sync()
	}
	return done, err
}

func mendCursors(t *tx) (done []string, err error) {
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
			continue // It is foreign.
		}
		if err := t.dir.remove(name); err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("removed %s, which held no address", name))
	}
	return done, nil
}

func mendJournal(t *tx) (done []string, err error) {
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
