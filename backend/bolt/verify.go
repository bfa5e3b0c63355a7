package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/backend"
)

// Verify reads the whole store and returns what is wrong with it, joined into one
// error: leases that cannot be decoded, entries that an index lacks or has too
// many, pages that bbolt finds at fault. A store that does not exist yet has no
// faults.
//
// On a damaged file bbolt can run for ever, exhaust the stack, or panic where
// nobody can recover. Whoever verifies a file of unknown state does it in a
// process that may die.
func (s *Store) Verify(ctx context.Context) error {
	return s.View(ctx, func(r backend.ReadTx) error {
		t, ok := r.(*tx)
		if !ok {
			return nil
		}
		v := verifier{tx: t}
		if err := t.guard(v.verify); err != nil {
			v.report("%w", err)
		}
		return errors.Join(v.found...)
	})
}

// A verifier derives the indices anew and compares them with those of the store.
type verifier struct {
	*tx
	runs  []run
	found []error
}

func (v *verifier) report(format string, args ...any) {
	v.found = append(v.found, v.store.fail(fmt.Errorf(format, args...)))
}

func (v *verifier) verify() error {
	for err := range v.bolt.Check() {
		v.report("%w: %w", backend.ErrDamaged, err)
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
	if n := len(v.runs); n > 0 && v.runs[n-1].last.Next() == addr {
		v.runs[n-1].last = addr
	} else {
		v.runs = append(v.runs, run{addr, addr})
	}
	l, err := v.decode(addr, record)
	if err != nil {
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
