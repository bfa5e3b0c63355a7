package files

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// leaseTwo leases the next free address of each family, as an ADD does.
func leaseTwo(id string) func(backend.Tx) error {
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

func leaseOne(id string) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		addr, err := tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9"))
		if err != nil {
			return err
		}
		return tx.Put(lease(addr.String(), id))
	}
}

// A race has two transactions of processes that do not know each other's lock.
type race struct {
	name          string
	first, second func(backend.Tx) error
	alive         time.Duration // how long the second considers the first to be running
}

func races() []race {
	replace := func(tx backend.Tx) error {
		return errors.Join(remove("10.0.0.2")(tx), leaseTwo("a")(tx))
	}
	return []race{
		{"one, one", leaseOne("a"), leaseOne("b"), 0},
		{"one, two", leaseOne("a"), leaseTwo("b"), 0},
		{"two, one", leaseTwo("a"), leaseOne("b"), 0},
		{"two, two", leaseTwo("a"), leaseTwo("b"), 0},
		{"two, two with a delay", leaseTwo("a"), leaseTwo("b"), time.Hour},
		{"two in the place of another, one", replace, leaseOne("b"), 0},
		{"two in the place of another, two", replace, leaseTwo("b"), 0},
		{"two Deletes, two", remove("10.0.0.1", "fd00::1"), leaseTwo("b"), 0},
		{"two, two Deletes", leaseTwo("a"), remove("10.0.0.1", "fd00::1"), 0},
		{"two, nothing", leaseTwo("a"), nothing, 0},
	}
}

// TestRaceWithoutLock stops a transaction at each of its steps. Then another begins under
// another lock, as through another mount, and is stopped at each of its steps, or ends. Then
// both continue. A container has its leases if its transaction succeeded, and none if it
// failed. The short tests try a part of these pairs, chosen at random.
func TestRaceWithoutLock(t *testing.T) {
	for _, o := range races() {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			failed := 0
			for n, first := 1, true; first; n++ {
				for m, second := 1, true; second; m++ {
					if testing.Short() && rand.IntN(4) > 0 {
						continue
					}
					b := newTestDir(t)
					seed(b)
					first, second = b.runRace(o, n, m, &failed)
				}
			}
			t.Log(failed, "failed")
		})
	}
}

// runRace reports whether the transactions have these steps.
func (b testDir) runRace(o race, n, m int, failed *int) (first, second bool) {
	goOn, ended := make(chan struct{}), make(chan error, 1)
	err := b.stoppingStore(o.alive, n, func() {
		first = true
		stopped := make(chan struct{})
		require.NoError(b, os.Remove(b.file(lockName))) // The second transaction locks a new one.
		go func() {
			ended <- b.stoppingStore(o.alive, m, func() {
				second = true
				close(stopped)
				<-goOn
			}).Update(b.shortContext(), o.second)
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
	b.forgetOtherLocks()
	b.requireAnswered("a", o.first, errs["a"], n, m)
	b.requireAnswered("b", o.second, errs["b"], n, m)
	b.requireWorks()
	return first, second
}

// forgetOtherLocks makes later transactions, which are alone, care for no others.
func (b testDir) forgetOtherLocks() {
	b.Helper()
	require.NoError(b, os.Chmod(b.file(lockName), 0o600))
}

// stoppingStore returns a store that calls stop before its nth step.
func (b testDir) stoppingStore(alive time.Duration, n int, stop func()) *Store {
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

// shortContext is long enough for an Update that does not wait.
func (b testDir) shortContext() context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), 3*retryDelay)
	b.Cleanup(cancel)
	return ctx
}

// requireAnswered requires that a container has the leases of its transaction, and none after
// an error.
func (b testDir) requireAnswered(id string, fn func(backend.Tx) error, err error, steps ...int) {
	b.Helper()
	b.update(nothing)
	want := 0
	if err == nil {
		count := &counter{}
		_ = fn(count) // The counter accepts everything.
		want = count.puts
	}
	b.view(func(tx backend.ReadTx) error {
		owned, err := tx.OwnedBy(backend.Owner{ContainerID: id})
		require.Len(b, owned, want, "%s at steps %d", id, steps)
		return err
	})
}

// A counter counts Puts.
type counter struct {
	backend.Tx
	puts int
}

func (c *counter) NextFree(from, _ netip.Addr) (netip.Addr, error) { return from, nil }
func (c *counter) Put(backend.Lease) error                         { c.puts++; return nil }
func (c *counter) Delete(netip.Addr) error                         { return nil }

// A process whose locks others may not know says so in the lock file, also to those that are on another
// mount.
func TestOtherLocksAreKnown(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	mode := func() fs.FileMode {
		info, err := os.Stat(b.file(lockName))
		require.NoError(t, err)
		return info.Mode() & otherLocks
	}
	require.Zero(t, mode())
	b.requireReliable(true)
	s := b.open()
	s.mount = &mount{alive: time.Hour}
	require.NoError(t, s.View(t.Context(), func(backend.ReadTx) error { return nil }))
	require.Zero(t, mode())
	require.NoError(t, s.Update(t.Context(), put(lease("10.0.0.9", "new"))))
	require.Equal(t, otherLocks, mode())
	b.requireReliable(false)
	b.update(put(lease("10.0.0.10", "new")))
	require.Equal(t, otherLocks, mode(), "it stays")
}

func (b testDir) requireReliable(want bool) {
	b.Helper()
	require.NoError(b, b.open().Update(b.Context(), func(some backend.Tx) error {
		require.Equal(b, want, some.(*tx).dir.lockIsReliable())
		return nil
	}))
}

// TestCleanSparesFilesInUse: where another process may be at work under another lock, its
// temporary files are removed only once they are old.
func TestCleanSparesFilesInUse(t *testing.T) {
	for alive, want := range map[time.Duration]int{time.Hour: 3, 0: 0} {
		b := newTestDir(t)
		seed(b)
		for _, name := range []string{newPrefix + "0.10.0.0.7", keptNewPrefix + "0.undo", claimedPrefix + "0"} {
			b.stock(name, "another process's")
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
		b.forgetOtherLocks()
		b.update(put(lease("10.0.0.10", "new")))
		b.requireWorks()
	}
}

// setMultiple gives a file the present time in multiples of finestUnit.
func (b testDir) setMultiple(name string) {
	b.Helper()
	at := time.Now().Truncate(finestUnit)
	require.NoError(b, os.Chtimes(b.file(name), at, at))
	b.refineCtime(name)
}

// refineCtime changes a file until its ctime is not a multiple of finestUnit by chance.
func (b testDir) refineCtime(name string) {
	b.Helper()
	d, err := openDir(b.path, false)
	require.NoError(b, err)
	defer d.close()
	for {
		require.NoError(b, os.Chmod(b.file(name), 0o600))
		i, err := d.stat(name)
		require.NoError(b, err)
		if !isMultiple(i.changed.UnixNano()) {
			return
		}
	}
}

// TestTimeLooksTruncated: the time of a lease can be a multiple of any unit by chance, or because
// it was put with whole seconds. Where the file system keeps finer times, an interrupted
// transaction is undone or finished all the same, and its journal is not set aside.
func TestTimeLooksTruncated(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file has one time there, so nothing tells whether it is truncated")
	}
	for i, at := range []string{journalName, "10.0.0.1", "10.0.0.2"} {
		tx := transactions()[i]
		t.Run(tx.name, func(t *testing.T) {
			b := newTestDir(t)
			seed(b)
			for _, name := range []string{"10.0.0.1", "10.0.0.2", "fd00::1"} {
				b.setMultiple(name)
			}
			since := time.Now().Truncate(finestUnit)
			b.killedAt("remove", at, 1, func(inner backend.Tx) error { return tx.fn(putAt{inner, since}) })
			for _, name := range b.names() {
				if _, _, isLease := parseName(name); isLease {
					b.refineCtime(name)
				}
			}
			s := b.open()
			s.mount = &mount{}
			require.NoError(t, s.Update(t.Context(), nothing))
			want := tx.after
			if at == journalName { // It only creates, and is undone.
				want = tx.before
			}
			require.Equal(t, want, b.snapshot())
			require.NotContains(t, b.names(), damagedName)
			b.requireWorks()
		})
	}
}

// A putAt puts leases with one time.
type putAt struct {
	backend.Tx
	at time.Time
}

func (p putAt) Put(l backend.Lease) error {
	l.Since = p.at
	return p.Tx.Put(l)
}

// TestJournalInUse: an Update waits for a transaction that may be running elsewhere, and then
// undoes or finishes it.
func TestJournalInUse(t *testing.T) {
	b := newTestDir(t)
	b.interrupted(put(lease("10.0.0.3", "new"), lease("fd00::3", "new")))
	s := b.open()
	s.mount = &mount{alive: time.Hour}
	ctx, cancel := context.WithTimeout(t.Context(), 5*retryDelay)
	defer cancel()
	require.ErrorIs(t, s.Update(ctx, nothing), backend.ErrBusy)
	require.True(t, b.hasJournal())
	s.mount.alive = 0
	require.NoError(t, s.Update(t.Context(), nothing))
	require.False(t, b.hasJournal())
	b.requireWorks()
}
