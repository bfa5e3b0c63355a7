package files

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// lease2 leases the next free address of each family, as an ADD does.
func lease2(id string) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		for _, span := range [][2]netip.Addr{{ip("10.0.0.1"), ip("10.0.0.9")}, {ip("fd00::1"), ip("fd00::9")}} {
			addr, err := tx.NextFree(span[0], span[1])
			if err != nil {
				return err
			}
			if err := tx.Put(lease(addr.String(), id)); err != nil {
				return err
			}
		}
		return nil
	}
}

func lease1(id string) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		addr, err := tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9"))
		if err != nil {
			return err
		}
		return tx.Put(lease(addr.String(), id))
	}
}

// An overtaking is two transactions of processes that do not know each other's lock.
type overtaking struct {
	name          string
	first, second func(backend.Tx) error
	alive         time.Duration // how long the second takes the first for one that is at work
}

func overtakings() []overtaking {
	replace := func(tx backend.Tx) error {
		return errors.Join(remove("10.0.0.2")(tx), lease2("a")(tx))
	}
	return []overtaking{
		{"one, one", lease1("a"), lease1("b"), 0},
		{"one, two", lease1("a"), lease2("b"), 0},
		{"two, one", lease2("a"), lease1("b"), 0},
		{"two, two", lease2("a"), lease2("b"), 0},
		{"two, two that are careful", lease2("a"), lease2("b"), time.Hour},
		{"two in the place of another, one", replace, lease1("b"), 0},
		{"two in the place of another, two", replace, lease2("b"), 0},
		{"two Deletes, two", remove("10.0.0.1", "fd00::1"), lease2("b"), 0},
		{"two, two Deletes", lease2("a"), remove("10.0.0.1", "fd00::1"), 0},
		{"two, nothing", lease2("a"), nothing, 0},
	}
}

// TestOvertaken stops a transaction at each of its steps; then another begins, with another
// lock, as through another mount, and is stopped at each of its steps, or comes to its end;
// then both go on. Whoever is told that it has leases has them, and whoever is told of an
// error has none.
func TestOvertaken(t *testing.T) {
	for _, o := range overtakings() {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			failed := 0
			for n, first := 1, true; first; n++ {
				for m, second := 1, true; second; m++ {
					b := newBed(t)
					prepared(b)
					first, second = b.overtake(o, n, m, &failed)
				}
			}
			t.Log(failed, "failed")
		})
	}
}

// overtake reports whether the transactions have these steps.
func (b bed) overtake(o overtaking, n, m int, failed *int) (first, second bool) {
	goOn, ended := make(chan struct{}), make(chan error, 1)
	err := b.stopping(o.alive, n, func() {
		first = true
		stopped := make(chan struct{})
		require.NoError(b, os.Remove(b.file(lockName))) // A new one has nothing to do with it.
		go func() {
			ended <- b.stopping(o.alive, m, func() {
				second = true
				close(stopped)
				<-goOn
			}).Update(b.soon(), o.second)
		}()
		select {
		case <-stopped:
		case err := <-ended:
			ended <- err
		}
	}).Update(b.Context(), o.first)
	close(goOn)
	if !first {
		return false, false
	}
	errs := map[string]error{"a": err, "b": <-ended}
	for id, err := range errs {
		if err != nil {
			*failed++
			busy := errors.Is(err, backend.ErrBusy) || errors.Is(err, fs.ErrNotExist)
			require.True(b, busy, "steps %d, %d: %s: %v", n, m, id, err)
		}
	}
	b.requireAnswered("a", o.first, errs["a"], n, m)
	b.requireAnswered("b", o.second, errs["b"], n, m)
	b.requireWorks()
	return first, second
}

// stopping returns a store whose nth step does something else before.
func (b bed) stopping(alive time.Duration, n int, stop func()) *Store {
	s := b.open()
	s.mount = &mount{alive: alive}
	s.step = func(string, ...string) error {
		if n--; n == 0 {
			stop()
		}
		return nil
	}
	return s
}

// soon is enough for an Update that does not wait.
func (b bed) soon() context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), 3*pause)
	b.Cleanup(cancel)
	return ctx
}

// requireAnswered requires that a container holds what it was told of, and nothing after an
// error.
func (b bed) requireAnswered(id string, fn func(backend.Tx) error, err error, steps ...int) {
	b.Helper()
	b.update(nothing)
	want := 0
	if err == nil {
		count := &counter{}
		_ = fn(count) // It asks a store that has everything.
		want = count.puts
	}
	b.view(func(tx backend.ReadTx) error {
		owned, err := tx.OwnedBy(backend.Owner{ContainerID: id})
		require.Len(b, owned, want, "%s at steps %d", id, steps)
		return err
	})
}

// A counter is a transaction that counts what is put.
type counter struct {
	backend.Tx
	puts int
}

func (c *counter) NextFree(from, _ netip.Addr) (netip.Addr, error) { return from, nil }
func (c *counter) Put(backend.Lease) error                         { c.puts++; return nil }
func (c *counter) Delete(netip.Addr) error                         { return nil }

// TestCleanSparesTheWorkOfOthers: where another process may be at work with another lock, what
// it is writing is removed only when it is old.
func TestCleanSparesTheWorkOfOthers(t *testing.T) {
	for alive, want := range map[time.Duration]int{time.Hour: 3, 0: 0} {
		b := newBed(t)
		prepared(b)
		for _, name := range []string{newPrefix + "0.10.0.0.7", keptNewPrefix + "0.undo", passingPrefix + "0"} {
			b.stock(name, "somebody else's")
		}
		s := b.open()
		s.mount = &mount{alive: alive}
		require.NoError(t, s.Update(t.Context(), put(lease("10.0.0.9", "new"))))
		left := 0
		for _, name := range b.names() {
			if isTemporary(name) {
				left++
			}
		}
		require.Equal(t, want, left)
		b.update(put(lease("10.0.0.10", "new")))
		b.requireWorks()
	}
}

// TestLivingJournal: an Update waits for a transaction that may be under way elsewhere, and
// then carries it on or undoes it.
func TestLivingJournal(t *testing.T) {
	b := newBed(t)
	b.interrupted(put(lease("10.0.0.3", "new"), lease("fd00::3", "new")))
	s := b.open()
	s.mount = &mount{alive: time.Hour}
	ctx, cancel := context.WithTimeout(t.Context(), 5*pause)
	defer cancel()
	require.ErrorIs(t, s.Update(ctx, nothing), backend.ErrBusy)
	require.True(t, b.hasJournal())
	s.mount.alive = 0
	require.NoError(t, s.Update(t.Context(), nothing))
	require.False(t, b.hasJournal())
	b.requireWorks()
}
