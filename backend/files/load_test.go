package files

import (
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/backendtest"
)

func TestCreate(t *testing.T) {
	backendtest.RunCreate(t, backendtest.Options{
		Open:       func(path string) (backend.Store, error) { return Open(path), nil },
		Persistent: true,
		Check:      func(path string) error { return Open(path).Verify(t.Context()) },
	}, Create)
}

// consecutive returns n leases of as many containers.
func consecutive(n int) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		addr := ip("10.0.0.1")
		for i := range n {
			l := lease(addr.String(), fmt.Sprintf("%064x", i))
			l.Since = time.Unix(1_700_000_000+int64(i), 0).UTC()
			if !yield(l, nil) {
				return
			}
			addr = addr.Next()
		}
	}
}

func (b testDir) create(c backend.Content) {
	b.Helper()
	require.NoError(b, Create(b.path, c))
}

// TestCreateLayout checks the files that the stock plugin must find.
func TestCreateLayout(t *testing.T) {
	b := newTestDir(t)
	since := time.Date(2025, 2, 28, 23, 59, 58, 999, time.UTC)
	before := time.Now().Add(-time.Second) // The clock of a file system can be behind.
	b.create(backend.Content{
		Leases: func(yield func(backend.Lease, error) bool) {
			full := lease("10.0.0.1", "id")
			full.Since, full.Boot, full.Netns, full.Pod = since, "boot", "/run/netns/x", backend.Pod{Name: "web-0"}
			_ = yield(full, nil) &&
				yield(backend.Lease{Addr: ip("10.0.0.2"), Owner: backend.Owner{ContainerID: "old"}}, nil) &&
				yield(lease("fd00::a", "id"), nil)
		},
		Cursors:    map[string]netip.Addr{"0": ip("10.0.0.10"), "1": ip("fd00::b")},
		LastSearch: "first",
	})
	escaped := "fd00::a"
	if runtime.GOOS == "windows" {
		escaped = "fd00__a"
	}
	for name, content := range map[string]string{
		"10.0.0.1": "id\r\neth0", "10.0.0.2": "old", escaped: "id\r\neth0",
		"last_reserved_ip.0": "10.0.0.10", "last_reserved_ip.1": "fd00::b", "lock": "", bootName: "boot first\n",
	} {
		require.Equal(t, content, b.content(name), name)
		info, err := os.Lstat(b.file(name))
		require.NoError(t, err)
		if name == "10.0.0.1" {
			require.Equal(t, since, info.ModTime().UTC())
		} else {
			require.WithinRange(t, info.ModTime(), before, time.Now(), name)
		}
		requireMode(t, 0o600, info)
	}
	require.Len(t, b.names(), 7)
	info, err := os.Lstat(b.path)
	require.NoError(t, err)
	requireMode(t, 0o755, info)
}

func requireMode(t *testing.T, want fs.FileMode, info fs.FileInfo) {
	t.Helper()
	if runtime.GOOS != "windows" {
		require.Equal(t, want, info.Mode().Perm(), info.Name())
	}
}

func TestCreateAndPutMakeTheSameFiles(t *testing.T) {
	put, made := newTestDir(t), newTestDir(t)
	c := backend.Content{Leases: consecutive(20), Cursors: map[string]netip.Addr{"0": ip("10.0.0.20")}, LastSearch: "first"}
	made.create(c)
	put.update(func(tx backend.Tx) error {
		for l := range c.Leases {
			require.NoError(t, tx.Put(l))
		}
		require.NoError(t, tx.SetCursor("0", c.Cursors["0"]))
		return tx.SetLastSearch(c.LastSearch)
	})
	require.Equal(t, put.names(), made.names())
	for _, name := range put.names() {
		require.Equal(t, put.content(name), made.content(name), name)
		want, err := os.Lstat(put.file(name))
		require.NoError(t, err)
		got, err := os.Lstat(made.file(name))
		require.NoError(t, err)
		require.Equal(t, want.Mode().Perm(), got.Mode().Perm(), name)
		if _, _, isLease := parseName(name); isLease {
			require.Equal(t, want.ModTime().Unix(), got.ModTime().Unix(), name)
		}
	}
}

// TestCreateSyncsWhileItWorks creates more files than there are between two syncs.
func TestCreateSyncsWhileItWorks(t *testing.T) {
	b := newTestDir(t)
	const n = 20_000
	b.create(backend.Content{Leases: consecutive(n)})
	require.Len(t, b.names(), n+1)
	b.view(func(tx backend.ReadTx) error {
		next, stop := iter.Pull2(tx.Leases(netip.Addr{}))
		defer stop()
		for want := range consecutive(n) {
			got, err, ok := next()
			require.True(t, ok)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		_, _, ok := next()
		require.False(t, ok)
		return nil
	})
	b.requireWorks()
}

func TestCreateWithTrailingSlash(t *testing.T) {
	b := newTestDir(t)
	require.NoError(t, Create(b.path+string(filepath.Separator), backend.Content{Leases: consecutive(1)}))
	require.Equal(t, []string{"10.0.0.1", "lock"}, b.names())
}
