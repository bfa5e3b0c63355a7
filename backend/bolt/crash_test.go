package bolt

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

var ctx = context.Background()

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func put(a, id string) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		return tx.Put(backend.Lease{Addr: addr(a), Owner: backend.Owner{ContainerID: id, IfName: "eth0"}})
	}
}

func leased(t *testing.T, s *Store) (addrs []string) {
	t.Helper()
	addrs = addressesOf(t, s)
	require.NoError(t, s.Verify(ctx))
	return addrs
}

// addressesOf returns the leased addresses of a store that can be damaged elsewhere.
func addressesOf(t *testing.T, s *Store) (addrs []string) {
	t.Helper()
	require.NoError(t, s.View(ctx, func(r backend.ReadTx) error {
		for l, err := range r.Leases(netip.Addr{}) {
			require.NoError(t, err)
			addrs = append(addrs, l.Addr.String())
		}
		return nil
	}))
	return addrs
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// A killed maker leaves any number of bbolt's first bytes, or the whole file under its first
// name.
func TestUnfinishedCreationIsStartedOver(t *testing.T) {
	whole := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, whole.Update(ctx, put("10.0.0.9", "killed")))
	image, err := os.ReadFile(whole.path)
	require.NoError(t, err)

	for _, n := range []int{0, 1, 4096, 8192, 12288, 16384, len(image)} {
		s := Open(filepath.Join(t.TempDir(), "net"))
		require.NoError(t, os.WriteFile(s.newPath(), image[:n], 0o600))
		require.Empty(t, leased(t, s), "a file without the name is not a store")
		require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")), "%d bytes", n)
		require.Equal(t, []string{"10.0.0.1"}, leased(t, s))
		require.Equal(t, []string{"net"}, entries(t, filepath.Dir(s.path)))
	}
}

func TestFailedOrEmptyFirstUpdateLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := Open(filepath.Join(dir, "net"))
	refused := errors.New("refused")
	require.ErrorIs(t, s.Update(ctx, func(tx backend.Tx) error {
		require.NoError(t, put("10.0.0.1", "a")(tx))
		return refused
	}), refused)
	require.NoError(t, s.Update(ctx, func(backend.Tx) error { return nil }))
	require.Panics(t, func() { s.Update(ctx, func(backend.Tx) error { panic("fn") }) })
	require.Empty(t, entries(t, dir))
}

// A maker that is killed after the rename has not synced the directory. The next transaction
// does, once.
func TestDirectoryIsSyncedByTheNextUpdate(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")))
	require.Equal(t, page.Durable, outcomeAt(t, s.path))
	require.NoError(t, s.Update(ctx, put("10.0.0.2", "b")))
	require.Equal(t, page.Durable, outcomeAt(t, s.path))
	removeReceipt(t, s.path)
	require.Equal(t, page.Sealed, outcomeAt(t, s.path))
	content := read(t, s.path)
	require.NoError(t, s.Update(ctx, func(backend.Tx) error { return nil }))
	require.Equal(t, content, read(t, s.path), "an Update that changes nothing writes nothing")
	require.NoError(t, s.Update(ctx, put("10.0.0.3", "c")))
	require.Equal(t, page.Durable, outcomeAt(t, s.path))
}

// If the sync of the meta page fails, the page may still have been written.
func TestRevokedTransactionHasNoEffect(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")))
	f, _, err := s.openExclusive(ctx, use, true)
	require.NoError(t, err)
	transaction := &session{store: s, file: f, mode: updating}
	require.NoError(t, transaction.begin())
	require.NoError(t, put("10.0.0.2", "b")(&tx{session: transaction}))
	id := transaction.bolt.ID()
	require.NoError(t, transaction.bolt.Commit())
	require.NoError(t, transaction.revoke(uint64(id)))
	require.NoError(t, transaction.close())

	require.Equal(t, []string{"10.0.0.1"}, leased(t, s))
	require.NoError(t, s.Update(ctx, put("10.0.0.2", "c")))
	require.Equal(t, []string{"10.0.0.1", "10.0.0.2"}, leased(t, s))
}

// After a commit that was revoked, bbolt takes pages for free that are in use again, so there must
// not be another transaction.
func TestNoSecondAttemptAfterARevokedCommit(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	for n := range 500 {
		require.NoError(t, s.Update(ctx, put(fmt.Sprintf("10.0.%d.%d", n/250, n%250), fmt.Sprint("c", n))))
	}
	before := leased(t, s)
	f, _, err := s.openExclusive(ctx, use, true)
	require.NoError(t, err)
	transaction := &session{store: s, file: f, mode: updating}
	require.NoError(t, transaction.begin())
	require.NoError(t, put("10.0.9.1", "b")(&tx{session: transaction}))
	write(t, s.path+".copy", read(t, s.path))
	transaction.file, err = os.Open(s.path + ".copy") // It has nothing to seal, or to revoke.
	require.NoError(t, err)
	defer transaction.file.Close()
	undone, err := transaction.writeOnce()
	require.ErrorContains(t, err, "is not the last one in the file")
	require.False(t, undone)
	require.NoError(t, transaction.close())
	require.Equal(t, before, leased(t, s))
	require.NoError(t, s.Verify(ctx))
}

// A caller that goes on after an error cannot commit half a change.
func TestFailedChangeCannotBeCommitted(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")))
	err := s.Update(ctx, func(b backend.Tx) error {
		t := b.(*tx)
		t.change(func() error { return errors.New("half done") }, func() error { panic("nothing to undo") })
		return nil
	})
	require.ErrorContains(t, err, "half done")
	require.Equal(t, []string{"10.0.0.1"}, leased(t, s))
}

// A transaction that waits for a lock continues with the file that replaces the locked one.
func TestReplacedWhileWaiting(t *testing.T) {
	dir := t.TempDir()
	s, other := Open(filepath.Join(dir, "net")), Open(filepath.Join(dir, "other"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "old")))
	require.NoError(t, other.Update(ctx, put("10.0.0.2", "new")))

	waiters := make(chan error, 2)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		go func() { waiters <- Open(s.path).Update(ctx, put("10.0.0.3", "waiter")) }()
		go func() {
			waiters <- Open(s.path).View(ctx, func(r backend.ReadTx) error {
				_, err := r.Lease(addr("10.0.0.2"))
				return err
			})
		}()
		time.Sleep(50 * time.Millisecond) // By now they most likely wait.
		return os.Rename(other.path, s.path)
	}))
	require.NoError(t, <-waiters)
	require.NoError(t, <-waiters)
	require.Equal(t, []string{"10.0.0.2", "10.0.0.3"}, leased(t, s))
}

func TestReplacedByADirectoryWhileWaiting(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "old")))
	waiter := make(chan error, 1)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		go func() { waiter <- Open(s.path).Update(ctx, put("10.0.0.3", "waiter")) }()
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, os.Rename(s.path, s.path+".aside"))
		return os.Mkdir(s.path, 0o755)
	}))
	require.ErrorIs(t, <-waiter, backend.ErrOtherStore)
}

// A program that makes a store of files does not know of the new file and its lock.
func TestAnotherStoreIsMadeMeanwhile(t *testing.T) {
	dir := t.TempDir()
	s := Open(filepath.Join(dir, "net"))
	err := s.Update(ctx, func(tx backend.Tx) error {
		require.NoError(t, put("10.0.0.1", "a")(tx))
		return os.Mkdir(s.path, 0o755)
	})
	require.ErrorIs(t, err, backend.ErrOtherStore)
	require.ErrorContains(t, err, s.path)
	require.Equal(t, []string{"net"}, entries(t, dir))
	require.NoError(t, os.Remove(s.path))
	require.NoError(t, s.Update(ctx, put("10.0.0.2", "b")))
	require.Equal(t, []string{"10.0.0.2"}, leased(t, s))
}

func TestOnlyARegularFileIsAStore(t *testing.T) {
	dir := t.TempDir()
	real := Open(filepath.Join(dir, "real"))
	require.NoError(t, real.Update(ctx, put("10.0.0.1", "a")))
	require.NoError(t, os.Symlink(real.path, filepath.Join(dir, "link")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	for _, name := range []string{"link", "dir"} {
		s := Open(filepath.Join(dir, name))
		for _, err := range []error{
			s.Update(ctx, put("10.0.0.2", "b")),
			s.View(ctx, func(backend.ReadTx) error { return nil }),
		} {
			require.ErrorIs(t, err, backend.ErrOtherStore)
			require.ErrorContains(t, err, s.path)
		}
	}
	require.Equal(t, []string{"10.0.0.1"}, leased(t, real))
}
