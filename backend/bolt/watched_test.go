package bolt

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// exhaustive reports whether tests may run for minutes.
func exhaustive() bool { return os.Getenv("LEASEHOLD_EXHAUSTIVE") != "" }

// newRand returns random numbers; the test prints their seed if it fails.
func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// soon makes the program panic with all stacks if fn does not return. If the test fails it
// prints what.
func soon(t testing.TB, what string, fn func()) {
	timer := time.AfterFunc(time.Minute, func() {
		debug.SetTraceback("all")
		panic(what + " goes on for ever")
	})
	defer func() {
		timer.Stop()
		if t.Failed() {
			t.Log(what)
		}
	}()
	fn()
}

// A watched is a store opened with Checked, for which an error that comes from a panic of bbolt
// fails the test.
type watched struct {
	*testing.T
	*Store
}

func (w watched) View(fn func(backend.ReadTx) error) error {
	w.Helper()
	var t *tx
	err := w.Store.View(ctx, func(r backend.ReadTx) error { t = r.(*tx); return fn(r) })
	return w.outcome(t, err)
}

func (w watched) Update(fn func(backend.Tx) error) error {
	w.Helper()
	var t *tx
	err := w.Store.Update(ctx, func(u backend.Tx) error { t = u.(*tx); return fn(u) })
	return w.outcome(t, err)
}

func (w watched) outcome(t *tx, err error) error {
	w.Helper()
	if t != nil {
		require.NoError(w, t.damage, "bbolt has panicked")
	} else if err != nil && !errors.Is(err, backend.ErrFormat) && !strings.Contains(err.Error(), "is missing") {
		f, errOpen := w.openShared(ctx, use)
		require.NoError(w, errOpen)
		defer f.Close()
		if c, _, failed := inspectAsIs(f); failed == nil && c.altered != nil {
			require.ErrorIs(w, err, backend.ErrDamaged)
			return err
		}
		require.EqualError(w, w.check(f), err.Error(), "where else can %v come from?", err)
	}
	for _, known := range []error{nil, backend.ErrDamaged, backend.ErrFormat, backend.ErrNotFound, backend.ErrNoneFree} {
		if errors.Is(err, known) {
			return err
		}
	}
	require.NoError(w, err)
	return err
}

// agree requires that bbolt finds no fault in pages that pass the check.
func (w watched) agree() {
	w.Helper()
	require.NoError(w, w.View(func(r backend.ReadTx) error {
		c, err := inspect(r.(*tx).file)
		if err != nil || !c.lostMetas.None() {
			return err // bbolt's check panics without a meta page.
		}
		var all []error
		for err := range r.(*tx).bolt.Check() {
			all = append(all, err)
		}
		return errors.Join(all...)
	}))
}

// content returns the content of a store without the boots, because a changed byte in their
// names is not detected.
func (w watched) content() (leases map[netip.Addr]backend.Lease, cursors map[string]netip.Addr, err error) {
	leases = make(map[netip.Addr]backend.Lease)
	err = w.View(func(r backend.ReadTx) error {
		var err error
		if cursors, err = r.Cursors(); err != nil {
			return err
		}
		for l, err := range r.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			l.Boot = ""
			leases[l.Addr] = l
		}
		return nil
	})
	return leases, cursors, err
}

// ask calls all methods of a ReadTx.
func ask(o *original) func(backend.ReadTx) error {
	return func(r backend.ReadTx) error {
		_, err := r.Cursors()
		_, errBoot := r.LastSearch()
		_, errCursor := r.Cursor("0")
		all := []error{err, errBoot, errCursor}
		for _, l := range o.leases {
			_, err := r.Lease(l.Addr)
			_, errOwned := r.OwnedBy(l.Owner)
			_, errFree := r.NextFree(l.Addr, l.Addr)
			all = append(all, err, errOwned, errFree)
			if len(all) > 100 {
				break
			}
		}
		return errors.Join(all...)
	}
}

// change calls all further methods of a Tx.
func change(o *original) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		all := []error{tx.SetCursor("0", addr("10.0.0.1")), tx.SetLastSearch("next")}
		for a, l := range o.leases {
			err := tx.Delete(a)
			l.Boot, l.Addr = "next", netip.AddrFrom4([4]byte{11, 0, byte(len(all) >> 8), byte(len(all))})
			if all = append(all, err, tx.Put(l)); len(all) > 400 {
				break
			}
		}
		return errors.Join(all...)
	}
}

// endure requires that a checked store returns a result or an error, whatever its file holds,
// and that Verify reports all damage that makes a difference.
func endure(t *testing.T, o *original, damaged []byte, hidden bool) {
	t.Helper()
	s := watched{t, Open(o.path, Checked())}
	require.NoError(t, os.WriteFile(s.path, damaged, 0o600))
	leases, cursors, err := s.content()
	faults := s.Verify(ctx)
	if err == nil {
		s.agree()
	}
	if err == nil && faults == nil && !hidden {
		require.True(t, maps.Equal(o.unbooted(), leases), "leases have changed unnoticed")
		require.ElementsMatch(t, slices.Collect(maps.Keys(o.cursors)), slices.Collect(maps.Keys(cursors)))
	}
	_ = s.View(ask(o)) // Whatever error there is, watched has looked at it.
	err = s.Update(change(o))
	again := s.Verify(ctx)
	if err == nil && faults == nil {
		require.NoError(t, again)
	}
	_ = s.View(ask(o)) // Likewise.
}

// unbooted returns the leases without their boots.
func (o *original) unbooted() map[netip.Addr]backend.Lease {
	leases := maps.Clone(o.leases)
	for a, l := range leases {
		l.Boot = ""
		leases[a] = l
	}
	return leases
}

// eachDamage calls fn with damaged files, of each of some ways.
func eachDamage(t *testing.T, ways []damager, fn func(o *original, d damager, damaged []byte)) {
	rnd := newRand(t)
	sizes, times, share := []int{0, 1, 10, 300}, 1, 3
	switch {
	case exhaustive():
		sizes, times, share = append(sizes, 3000), 100, 1
	case testing.Short():
		share = 9
	}
	for _, n := range sizes {
		for _, sorted := range []bool{true, false} {
			o := newOriginal(t, rnd, n, sorted)
			for _, d := range ways {
				for range times {
					if rnd.IntN(share) == 0 {
						damaged := d.do(rnd, o, slices.Clone(o.image))
						soon(t, o.name+": "+d.name, func() { fn(o, d, damaged) })
					}
				}
			}
		}
	}
}

// used returns the part of the file that has ever been used.
func (o *original) used() []byte { return o.image[:o.pages*o.pageSize] }
