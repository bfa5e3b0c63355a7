package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// Verify reads the whole store and returns what is wrong with it, joined into one
// error: pages at fault, leases that cannot be decoded, entries that an index lacks or
// has too many. Of many faults it returns a hundred, and says how many more there
// are. A store that does not exist yet has no faults.
//
// The file may have any content: pages are looked at before bbolt is let near them,
// and if any of those is at fault, no more is said.
func (s *Store) Verify(ctx context.Context) error {
	leave, err := s.enter(ctx, false)
	if err != nil {
		return err
	}
	defer leave()
	f, err := s.openShared(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := inspect(f)
	if err == nil {
		err = c.strange
	}
	if err != nil || !c.faults.none() {
		f.Close() // It was only read.
		return s.failAll(err, c.faults)
	}
	v := verifier{broken: make(map[netip.Addr]bool), found: c.missing}
	err = s.transactOn(f, viewing, true, func(t *session) error {
		v.tx = &tx{session: t}
		if err := t.guard(v.verify); err != nil {
			v.report("%w", err)
		}
		return nil
	})
	return s.failAll(err, v.found)
}

// failAll joins err, if there is one, and what has been found.
func (s *Store) failAll(err error, found findings) error {
	var all []error
	if err != nil {
		all = append(all, s.fail(err))
	}
	for _, f := range found.all() {
		all = append(all, s.fail(f))
	}
	return errors.Join(all...)
}

// A verifier derives the indices anew and compares them with those of the store.
type verifier struct {
	*tx
	runs   []run
	broken map[netip.Addr]bool // leases whose records cannot be decoded, which has been reported
	found  findings
}

func (v *verifier) report(format string, args ...any) {
	v.found.add(fmt.Errorf(format, args...))
}

func (v *verifier) verify() error {
	if v.found.none() { // With a meta page missing bbolt's check panics, and its transactions do not.
		for err := range v.bolt.Check() {
			v.report("%w: %w", backend.ErrDamaged, err)
		}
	}
	if _, err := v.tx.Cursors(); err != nil {
		v.report("%w", err)
	}
	if err := v.tx.leases.ForEach(v.lease); err != nil {
		return err
	}
	if err := v.tx.owners.ForEach(v.owner); err != nil {
		return err
	}
	if err := v.tx.runs.ForEach(v.run); err != nil {
		return err
	}
	for _, r := range v.runs {
		v.report("%w: no run from %s to %s", backend.ErrDamaged, r.first, r.last)
	}
	return nil
}

// lease checks one entry of leases, and notes what the indices must have for it.
func (v *verifier) lease(key, record []byte) error {
	addr, err := keyAddr(key)
	if err != nil {
		v.report("%w: %w", backend.ErrDamaged, err)
		return nil
	}
	v.runs = extendRun(v.runs, addr)
	l, err := v.decode(addr, record)
	if err != nil {
		v.broken[addr] = true
		v.report("%w", err)
		return nil
	}
	if v.tx.owners.Get(ownerKey(l.Owner.ContainerID, addr)) == nil {
		v.report("%w: no owner is indexed for %s", backend.ErrDamaged, addr)
	}
	return nil
}

// owner checks that an entry of the owners index is about a lease of that owner.
func (v *verifier) owner(key, _ []byte) error {
	if len(key) < hashLen {
		v.report("%w: owner %x", backend.ErrDamaged, key)
		return nil
	}
	if addr, err := keyAddr(key[hashLen:]); err == nil && v.broken[addr] {
		return nil
	}
	l, err := v.indexed(key)
	if err != nil {
		v.report("%w", err)
	} else if !bytes.Equal(key, ownerKey(l.Owner.ContainerID, l.Addr)) {
		v.report("%w: %s is indexed for another owner", backend.ErrDamaged, l.Addr)
	}
	return nil
}

// run checks that an entry of runs is the next of those derived.
func (v *verifier) run(key, value []byte) error {
	r, err := v.decodeRun(key, value)
	if err != nil {
		v.report("%w", err)
		return nil
	}
	for len(v.runs) > 0 && v.runs[0].first.Less(r.first) {
		v.report("%w: no run from %s to %s", backend.ErrDamaged, v.runs[0].first, v.runs[0].last)
		v.runs = v.runs[1:]
	}
	if len(v.runs) > 0 && v.runs[0] == r {
		v.runs = v.runs[1:]
		return nil
	}
	v.report("%w: run from %s to %s is not that of the leases", backend.ErrDamaged, r.first, r.last)
	if len(v.runs) > 0 && v.runs[0].first == r.first {
		v.runs = v.runs[1:]
	}
	return nil
}
