package stores_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/stores"
)

func put(addr string) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		return tx.Put(backend.Lease{
			Addr:  netip.MustParseAddr(addr),
			Owner: backend.Owner{ContainerID: "c" + addr, IfName: "eth0"},
		})
	}
}

// fill makes a store with one lease.
func fill(t *testing.T, path, kind, addr string) {
	t.Helper()
	s, got, err := stores.Open(path, kind)
	require.NoError(t, err)
	require.Equal(t, kind, got)
	require.NoError(t, s.Update(t.Context(), put(addr)))
	require.NoError(t, s.Close())
}

func leases(t *testing.T, path string) (addrs []string) {
	t.Helper()
	s, _, err := stores.Open(path, stores.None)
	require.NoError(t, err)
	require.NoError(t, s.View(t.Context(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			addrs = append(addrs, l.Addr.String())
		}
		return nil
	}))
	return addrs
}

func TestExistingKindIsUsed(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		path := filepath.Join(t.TempDir(), "net")
		existing, err := stores.KindAt(path)
		require.NoError(t, err)
		require.Equal(t, stores.None, existing)

		fill(t, path, kind, "10.0.0.1")
		existing, err = stores.KindAt(path)
		require.NoError(t, err)
		require.Equal(t, kind, existing)

		s, got, err := stores.Open(path, stores.None)
		require.NoError(t, err)
		require.Equal(t, kind, got)
		require.NoError(t, s.Update(t.Context(), put("10.0.0.2")))
		require.Equal(t, []string{"10.0.0.1", "10.0.0.2"}, leases(t, path))
	}
}

func TestFilesIsTheDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	s, kind, err := stores.Open(path, stores.None)
	require.NoError(t, err)
	require.Equal(t, config.Files, kind)
	require.NoFileExists(t, path)
	require.NoError(t, s.Update(t.Context(), put("10.0.0.1")))
	require.FileExists(t, filepath.Join(path, "10.0.0.1"))
}

func TestMismatch(t *testing.T) {
	for existing, configured := range map[string]string{config.Files: config.Bolt, config.Bolt: config.Files} {
		path := filepath.Join(t.TempDir(), "net")
		fill(t, path, existing, "10.0.0.1")
		_, _, err := stores.Open(path, configured)
		var mismatch *stores.MismatchError
		require.ErrorAs(t, err, &mismatch)
		require.Equal(t, stores.MismatchError{Path: path, Configured: configured, Existing: existing}, *mismatch)
		require.ErrorIs(t, err, backend.ErrOtherStore)
	}
}

// A plugin that waits for the lock while a migration exchanges the stores continues with the
// new one.
func TestFollowsAnExchange(t *testing.T) {
	for old, newKind := range map[string]string{config.Files: config.Bolt, config.Bolt: config.Files} {
		t.Run(old+" to "+newKind, func(t *testing.T) {
			dir := t.TempDir()
			path, built := filepath.Join(dir, "net"), filepath.Join(dir, "built")
			fill(t, path, old, "10.0.0.1")
			fill(t, built, newKind, "10.0.0.1")

			waiter, _, err := stores.Open(path, stores.None)
			require.NoError(t, err)
			done := make(chan error, 1)
			holder, _, err := stores.Open(path, old)
			require.NoError(t, err)
			require.NoError(t, holder.Update(t.Context(), func(backend.Tx) error {
				go func() { done <- waiter.Update(t.Context(), put("10.0.0.2")) }()
				time.Sleep(50 * time.Millisecond) // by now it most likely waits
				require.NoError(t, os.Rename(path, path+".old"))
				return os.Rename(built, path)
			}))
			require.NoError(t, <-done)
			require.Equal(t, []string{"10.0.0.1", "10.0.0.2"}, leases(t, path))
			require.Equal(t, []string{"10.0.0.1"}, leases(t, path+".old"))
		})
	}
}

// An Update calls its function once at most, whatever that returns.
func TestFunctionIsCalledOnce(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		path := filepath.Join(t.TempDir(), "net")
		fill(t, path, kind, "10.0.0.1")
		calls := 0
		err := stores.Follow(path).Update(t.Context(), func(backend.Tx) error {
			calls++
			return backend.ErrOtherStore
		})
		require.ErrorIs(t, err, backend.ErrOtherStore)
		require.Equal(t, 1, calls)
	}
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "files"), config.Files, "10.0.0.1")
	fill(t, filepath.Join(dir, "bolt"), config.Bolt, "10.0.0.1")
	require.NoError(t, os.Symlink("files", filepath.Join(dir, "to-files")))
	require.NoError(t, os.Symlink("bolt", filepath.Join(dir, "to-bolt")))
	require.NoError(t, os.Symlink("nothing", filepath.Join(dir, "to-nothing")))

	existing, err := stores.KindAt(filepath.Join(dir, "to-files"))
	require.NoError(t, err, "the stock plugin follows it too")
	require.Equal(t, config.Files, existing)
	for _, name := range []string{"to-bolt", "to-nothing"} {
		_, _, err := stores.Open(filepath.Join(dir, name), stores.None)
		require.ErrorIs(t, err, backend.ErrOtherStore)
	}
}

func TestUsable(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, stores.Usable(filepath.Join(dir, "not", "there", "yet")))
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, stores.Usable(file))
	require.Error(t, stores.Usable(filepath.Join(file, "below")))
}

// A dangling link is not a missing store, whatever kind is configured.
func TestLinkToNothing(t *testing.T) {
	for _, at := range []string{"net", "."} {
		dir := filepath.Join(t.TempDir(), "data")
		path := filepath.Join(dir, "net")
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, at)), 0o755))
		require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, at)))
		link := (*exchange.LinkError)(nil)
		_, err := stores.KindAt(path)
		require.ErrorAs(t, err, &link)
		for _, configured := range []string{stores.None, config.Files, config.Bolt} {
			_, _, err := stores.Open(path, configured)
			require.ErrorAs(t, err, &link)
		}
		err = files.Open(path).Update(t.Context(), put("10.0.0.1"))
		if at == "net" {
			require.ErrorAs(t, err, &link)
		} else {
			require.Error(t, err)
		}
		require.ErrorAs(t, stores.Verify(t.Context(), path), &link)
	}
}
