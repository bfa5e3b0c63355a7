package bolt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// together calls Update with each of the functions, so that they share the transaction
// of the first, in their order. It returns how each call ended.
func together(t *testing.T, s *Store, fns ...func(backend.Tx) error) []error {
	t.Helper()
	errs := make([]error, len(fns))
	var all sync.WaitGroup
	begun := make(chan struct{})
	for i, fn := range fns {
		if i == 1 {
			<-begun
		} else {
			waitFor(&s.queue, i-1)
		}
		all.Go(func() {
			errs[i] = end(func() error {
				return s.Update(ctx, func(tx backend.Tx) error {
					if i == 0 {
						close(begun)
						waitFor(&s.queue, len(fns)-1)
					}
					return fn(tx)
				})
			})
		})
	}
	all.Wait()
	return errs
}

// waitFor returns when n Updates wait.
func waitFor(q *queue, n int) {
	for {
		q.mu.Lock()
		waiting := len(q.waiting)
		q.mu.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}

var errExited = errors.New("runtime.Goexit")

// end returns how fn ends: with an error, with a panic whose value is an error, or by ending
// its goroutine.
func end(fn func() error) (err error) {
	ended := make(chan error)
	go func() {
		err := errExited
		defer func() {
			if p := recover(); p != nil {
				err = p.(error)
			}
			ended <- err
		}()
		err = fn()
	}()
	return <-ended
}

func transactions(t *testing.T, s *Store) (id int) {
	t.Helper()
	require.NoError(t, s.View(ctx, func(r backend.ReadTx) error {
		id = r.(*tx).bolt.ID()
		return nil
	}))
	return id
}

func TestUpdatesThatWaitShareATransaction(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.1.0.0", "before")))
	before := transactions(t, s)
	var fns []func(backend.Tx) error
	next := addr("10.0.0.0")
	for i := range 300 {
		fns = append(fns, put(next.String(), fmt.Sprint(i)))
		next = next.Next()
	}
	for _, err := range together(t, s, fns...) {
		require.NoError(t, err)
	}
	require.Equal(t, before+1, transactions(t, s))
	require.Len(t, leased(t, s), 301)
	info, err := os.Stat(s.path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(4<<20), "room is made for no page twice")
}

func TestTheFirstTransactionIsSharedToo(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	failed := errors.New("failed")
	errs := together(t, s,
		func(backend.Tx) error { return failed },
		put("10.0.0.1", "a"),
		func(tx backend.Tx) error { return errors.Join(put("10.0.0.2", "b")(tx), failed) },
	)
	require.Equal(t, failed, errs[0])
	require.NoError(t, errs[1])
	require.ErrorIs(t, errs[2], failed)
	require.Equal(t, []string{"10.0.0.1"}, leased(t, s))
}

func TestNothingIsMadeIfAllFail(t *testing.T) {
	dir := t.TempDir()
	s := Open(filepath.Join(dir, "net"))
	fail := func(tx backend.Tx) error { return errors.Join(put("10.0.0.2", "b")(tx), errors.New("failed")) }
	for _, err := range together(t, s, fail, fail, fail) {
		require.ErrorContains(t, err, "failed")
	}
	require.Empty(t, entries(t, dir))
}

// A panic, or the end of a goroutine, reaches the caller and undoes what it has written.
func TestFunctionThatDoesNotReturnAffectsNoOther(t *testing.T) {
	panicked := errors.New("panicked")
	ends := []func(){
		func() {},
		func() { panic(panicked) },
		func() { runtime.Goexit() },
		func() {},
	}
	want := []error{nil, panicked, errExited, nil}
	for first := range ends {
		s := Open(filepath.Join(t.TempDir(), "net"))
		require.NoError(t, s.Update(ctx, put("10.1.0.0", "before")))
		var fns []func(backend.Tx) error
		for i := range 2 * len(ends) {
			fns = append(fns, func(tx backend.Tx) error {
				require.NoError(t, put(fmt.Sprintf("10.0.0.%d", i), "a")(tx))
				ends[(first+i)%len(ends)]()
				return nil
			})
		}
		there := []string{}
		for i, err := range together(t, s, fns...) {
			require.Equal(t, want[(first+i)%len(ends)], err)
			if err == nil {
				there = append(there, fmt.Sprintf("10.0.0.%d", i))
			}
		}
		require.Equal(t, append(there, "10.1.0.0"), leased(t, s))
	}
}

// An Update that has not been called yet gives up when its context ends.
func TestWaitingUpdateCanGiveUp(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		ended, cancel := context.WithCancel(ctx)
		gaveUp := make(chan error)
		go func() { gaveUp <- s.Update(ended, func(backend.Tx) error { panic("called") }) }()
		waitFor(&s.queue, 1)
		cancel()
		err := <-gaveUp
		require.ErrorIs(t, err, backend.ErrBusy)
		require.ErrorIs(t, err, context.Canceled)
		return put("10.0.0.1", "a")(tx)
	}))
	require.Equal(t, []string{"10.0.0.1"}, leased(t, s))
}

// If a leader gives up, the next Update leads.
func TestNextUpdateLeads(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	followed := make(chan error)
	require.NoError(t, Open(s.path).Update(ctx, func(tx backend.Tx) error {
		ended, cancel := context.WithCancel(ctx)
		led := make(chan error)
		go func() { led <- s.Update(ended, func(backend.Tx) error { panic("called") }) }()
		for leading := false; !leading; runtime.Gosched() {
			s.queue.mu.Lock()
			leading = s.queue.led
			s.queue.mu.Unlock()
		}
		go func() { followed <- s.Update(ctx, put("10.0.0.2", "b")) }()
		waitFor(&s.queue, 1)
		cancel()
		require.ErrorIs(t, <-led, backend.ErrBusy)
		return put("10.0.0.1", "a")(tx)
	}))
	require.NoError(t, <-followed)
	require.Equal(t, []string{"10.0.0.1", "10.0.0.2"}, leased(t, s))
}

// There is room for all changes of the others, also for changes that were undone: their pages
// have been touched.
func TestChangesOfOthersAreCounted(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.1.0.0", "before")))
	var found pendingWrites
	together(t, s,
		put("10.0.0.1", "a"),
		func(tx backend.Tx) error { return errors.Join(put("10.0.0.2", "b")(tx), errors.New("failed")) },
		func(tx backend.Tx) error { return tx.Delete(addr("10.1.0.0")) },
		func(b backend.Tx) error {
			t := b.(*tx)
			found = t.pending
			found.pages /= t.pagesTouched()
			return nil
		},
	)
	require.Equal(t, pendingWrites{puts: 2, changes: 3, pages: 3}, found)
}

// No Update joins a transaction if it is not known how much room that takes.
func TestBulkLoadIsNotShared(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	bulk := func(tx backend.Tx) error {
		for i := range bulkPuts + 1 {
			require.NoError(t, put(fmt.Sprintf("10.0.0.%d", i), "a")(tx))
		}
		return nil
	}
	for _, err := range together(t, s, bulk, put("10.0.1.1", "b")) {
		require.NoError(t, err)
	}
	alone := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, alone.Update(ctx, bulk))
	require.NoError(t, alone.Update(ctx, put("10.0.1.1", "b")))
	require.Equal(t, transactions(t, alone), transactions(t, s))
}

// If the commit fails, no Update of the transaction succeeds.
func TestFailedCommitFailsForAll(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.1.0.0", "before")))
	failed := errors.New("failed")
	errs := together(t, s,
		put("10.0.0.1", "a"),
		func(tx backend.Tx) error { return failed },
		func(b backend.Tx) error { return b.(*tx).file.Close() },
		func(backend.Tx) error { return nil }, // It may have seen what is not there.
	)
	require.Equal(t, failed, errs[1])
	for _, i := range []int{0, 2, 3} {
		require.ErrorContains(t, errs[i], "closed")
	}
	require.Equal(t, []string{"10.1.0.0"}, leased(t, s))
}

func TestHalfChangeFailsForAll(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.1.0.0", "before")))
	errs := together(t, s,
		put("10.0.0.1", "a"),
		func(b backend.Tx) error {
			b.(*tx).change(func() error { return errors.New("half done") }, nil)
			return nil
		},
		put("10.0.0.2", "b"), // comes too late, and has a transaction of its own
	)
	require.ErrorContains(t, errs[0], "half done")
	require.ErrorContains(t, errs[1], "half done")
	require.NoError(t, errs[2])
	require.Equal(t, []string{"10.0.0.2", "10.1.0.0"}, leased(t, s))
}

// Whatever failing Updates write, the store has what the others have written, even if all
// changes have to be made again for want of space.
func TestFailingUpdatesAreUndone(t *testing.T) {
	rnd := newRand(t)
	rounds := 100
	if exhaustive() {
		rounds = 10_000
	}
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.SetLastSearch("0") }))
	want := contentOf(t, s)
	for round := range rounds {
		fns := []func(backend.Tx) error{func(backend.Tx) error { return nil }}
		for range rnd.IntN(20) {
			seed, fails := rnd.Uint64(), rnd.IntN(2) == 0
			fns = append(fns, func(tx backend.Tx) error {
				draft := want.clone()
				draft.scribble(t, tx, rand.New(rand.NewPCG(seed, 0)))
				if fails {
					return errors.New("failed")
				}
				want = draft
				return nil
			})
		}
		if round%2 == 0 {
			fns = append(fns, makeAgain)
		}
		for _, err := range together(t, s, fns...) {
			if err != nil {
				require.EqualError(t, err, "failed")
			}
		}
		require.NoError(t, s.Verify(ctx))
		require.Equal(t, want, contentOf(t, s), "round %d", round)
	}
}

// makeAgain makes all changes of its transaction again.
func makeAgain(b backend.Tx) error {
	t := b.(*tx).session
	if err := t.rollBack(); err != nil {
		return err
	}
	return t.remake(true)
}

// content is what a store holds.
type content struct {
	leases  map[netip.Addr]backend.Lease
	cursors map[string]netip.Addr
	boot    string
}

func (c content) clone() content { return content{maps.Clone(c.leases), maps.Clone(c.cursors), c.boot} }

func contentOf(t *testing.T, s *Store) content {
	t.Helper()
	c := content{leases: make(map[netip.Addr]backend.Lease)}
	require.NoError(t, s.View(ctx, func(r backend.ReadTx) (err error) {
		for l, err := range r.Leases(netip.Addr{}) {
			require.NoError(t, err)
			c.leases[l.Addr] = l
		}
		if c.cursors, err = r.Cursors(); err != nil {
			return err
		}
		c.boot, err = r.LastSearch()
		return err
	}))
	return c
}

// scribble makes random changes in a transaction and in c, and compares the two.
func (c *content) scribble(t *testing.T, tx backend.Tx, rnd *rand.Rand) {
	anywhere := func() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(rnd.IntN(40))}) }
	for range rnd.IntN(12) {
		a := anywhere()
		l, leased := c.leases[a]
		got, err := tx.Lease(a)
		require.Equal(t, leased, err == nil)
		require.Equal(t, l, got)
		switch rnd.IntN(6) {
		case 0, 1, 2:
			l := backend.Lease{Addr: a, Owner: backend.Owner{ContainerID: fmt.Sprint(rnd.IntN(9))}, Boot: fmt.Sprint(rnd.IntN(3))}
			err := tx.Put(l)
			require.Equal(t, leased, errors.Is(err, backend.ErrExists))
			if err == nil {
				c.leases[a] = l
			}
		case 3:
			require.NoError(t, tx.Delete(a))
			delete(c.leases, a)
		case 4:
			set := fmt.Sprint(rnd.IntN(3))
			require.NoError(t, tx.SetCursor(set, a))
			c.cursors[set] = a
		case 5:
			c.boot = fmt.Sprint(rnd.IntN(5))
			require.NoError(t, tx.SetLastSearch(c.boot))
		}
		c.compare(t, tx, anywhere())
	}
}

// compare compares what nearly every Update asks for.
func (c *content) compare(t *testing.T, tx backend.Tx, from netip.Addr) {
	cursors, err := tx.Cursors()
	require.NoError(t, err)
	require.Equal(t, c.cursors, cursors)
	for set, want := range c.cursors {
		got, err := tx.Cursor(set)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	boot, err := tx.LastSearch()
	require.NoError(t, err)
	require.Equal(t, c.boot, boot)
	want := from
	for _, taken := c.leases[want]; taken; _, taken = c.leases[want] {
		want = want.Next()
	}
	got, err := tx.NextFree(from, addr("10.0.0.255"))
	require.NoError(t, err)
	require.Equal(t, want, got)
}
