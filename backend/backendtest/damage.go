package backendtest

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// errWrong means that a damaged store has returned a wrong result.
var errWrong = errors.New("wrong answer")

// clausesOfDamage has a test for each way to damage a store. They do not use clause, which
// reopens the store and compares it.
func clausesOfDamage(c contract) {
	noticed := 0
	for i, how := range c.o.Damage {
		c.t.Run("no. "+strconv.Itoa(i)+" is reported or does no harm", func(t *testing.T) {
			err := useDamaged(newFixture(t, c.o), how)
			require.NotErrorIs(t, err, errWrong)
			if err != nil {
				noticed++
			}
		})
	}
	require.NotZero(c.t, noticed, "no damage was noticed")
}

// clausesOfGarbling requires less than clausesOfDamage: results may be wrong.
func clausesOfGarbling(c contract) {
	for i, how := range c.o.Garble {
		c.t.Run("no. "+strconv.Itoa(i)+" makes the store neither panic nor hang", func(t *testing.T) {
			_ = useDamaged(newFixture(t, c.o), how) // It has checked the error, which may be a wrong result.
		})
	}
}

// useDamaged fills a store, damages it, then reads, writes and reads, and returns the first
// error. Any error other than errWrong must be one meant for damage.
func useDamaged(f *fixture, how func(path string) error) error {
	f.update(fill)
	f.put(many()...)
	before := f.state()
	require.NoError(f, f.store.Close())
	require.NoError(f, how(f.path))

	s, err := f.Open(f.path)
	if err != nil {
		return f.requireReport(err)
	}
	defer func() { require.NoError(f, f.soon(s.Close)) }()
	show := func(want state) error {
		return f.requireReport(f.soon(func() error {
			return s.View(f.ctx, func(tx backend.ReadTx) error { return shows(tx, want) })
		}))
	}
	readErr := show(before)
	writeErr := f.requireReport(f.soon(func() error { return s.Update(f.ctx, rewrite) }))
	if writeErr == nil {
		writeErr = show(f.rewritten(before))
	}
	return cmp.Or(readErr, writeErr)
}

// requireReport requires that err is nil or an error that a damaged store may return, and
// returns it.
func (f *fixture) requireReport(err error) error {
	f.Helper()
	if err == nil || errors.Is(err, errWrong) {
		return err
	}
	known := errors.Is(err, backend.ErrDamaged) || errors.Is(err, backend.ErrFormat) || errors.Is(err, backend.ErrOtherStore)
	require.True(f, known, "neither ErrDamaged nor ErrFormat nor ErrOtherStore: %v", err)
	require.ErrorContains(f, err, f.path)
	return err
}

// wrong wraps an error about a lease, rather than about the store, as errWrong.
func wrong(err error) error {
	for _, answer := range []error{backend.ErrNotFound, backend.ErrExists, backend.ErrNoneFree} {
		if errors.Is(err, answer) {
			return fmt.Errorf("%w: %w", errWrong, err)
		}
	}
	return err
}

// shows returns an error of tx, or an errWrong if its state is not want.
func shows(tx backend.ReadTx, want state) error {
	got, err := read(tx)
	if err == nil && !reflect.DeepEqual(want, got) {
		err = fmt.Errorf("%w: %d leases, cursors %v, boot %q; want %d leases, cursors %v, boot %q; or other leases", errWrong,
			len(got.leases), got.cursors, got.boot, len(want.leases), want.cursors, want.boot)
	}
	for _, l := range want.leases {
		if err != nil && !errors.Is(err, errWrong) {
			return err
		}
		err = cmp.Or(showsLease(tx, want, l), err)
	}
	return err
}

// showsLease checks a lease through each method that shows it.
func showsLease(tx backend.ReadTx, want state, l backend.Lease) error {
	same, err := tx.Lease(l.Addr)
	if err != nil {
		return wrong(err)
	}
	owned, err := tx.OwnedBy(l.Owner)
	if err != nil {
		return wrong(err)
	}
	to := ip(last4)
	if l.Addr.Is6() {
		to = ip(last6)
	}
	free, err := tx.NextFree(l.Addr, to)
	if err != nil {
		return wrong(err)
	}
	wantFree, err := want.nextFree(l.Addr, to)
	if err != nil {
		return err
	}
	if same != l || free != wantFree || !reflect.DeepEqual(owned, want.ownedBy(l.Owner)) {
		return fmt.Errorf("%w for %s: %v, owned %v, next free %s", errWrong, l.Addr, same, owned, free)
	}
	return nil
}

// rewrite changes most leases, and something of every kind.
func rewrite(tx backend.Tx) error {
	return errors.Join(
		deleteEach(tx, many()),
		wrong(putAll(tx, leased("10.0.0.2", "fd00::2"))),
		tx.SetCursor("0", ip("10.0.0.2")),
		tx.SetLastSearch("later"),
	)
}

// rewritten returns the state after rewrite.
func (o Options) rewritten(s state) state {
	s = s.clone()
	for _, l := range many() {
		delete(s.leases, l.Addr)
	}
	for _, l := range leased("10.0.0.2", "fd00::2") {
		s.leases[l.Addr] = o.kept(l)
	}
	s.cursors["0"] = ip("10.0.0.2")
	s.boot = "later"
	return s
}
