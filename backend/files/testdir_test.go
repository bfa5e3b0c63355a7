package files

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// A testDir is a directory for a test, in memory if possible, so that syncs take no time.
type testDir struct {
	*testing.T
	path string
}

func newTestDir(t *testing.T) testDir {
	t.Helper()
	parent := t.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		parent, err = os.MkdirTemp("/dev/shm", "leasehold-test-")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })
	}
	return testDir{t, filepath.Join(parent, "net")}
}

func (b testDir) open(opts ...Option) *Store {
	return Open(b.path, opts...)
}

func (b testDir) update(fn func(backend.Tx) error) {
	b.Helper()
	require.NoError(b, b.open().Update(b.Context(), fn))
}

func (b testDir) view(fn func(backend.ReadTx) error) {
	b.Helper()
	require.NoError(b, b.open().View(b.Context(), fn))
}

// stock writes a file as the stock plugin does.
func (b testDir) stock(name, content string) {
	b.Helper()
	require.NoError(b, os.MkdirAll(b.path, 0o755))
	require.NoError(b, os.WriteFile(b.file(name), []byte(content), 0o600))
}

// stockRelease removes all files with the content, as the stock plugin does.
func (b testDir) stockRelease(content string) {
	b.Helper()
	for _, name := range b.names() {
		data, err := os.ReadFile(b.file(name))
		require.NoError(b, err)
		if strings.TrimSpace(string(data)) == content {
			require.NoError(b, os.Remove(b.file(name)))
		}
	}
}

func (b testDir) file(name string) string { return filepath.Join(b.path, name) }

func (b testDir) content(name string) string {
	b.Helper()
	data, err := os.ReadFile(b.file(name))
	require.NoError(b, err)
	return string(data)
}

// names returns the names in the directory, sorted.
func (b testDir) names() []string {
	b.Helper()
	entries, err := os.ReadDir(b.path)
	require.NoError(b, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A snapshot has the owners of a store by address, and the boot.
type snapshot map[string]string

// snapshot returns what a View shows, and checks that its methods agree.
func (b testDir) snapshot() snapshot {
	b.Helper()
	h := snapshot{}
	b.view(func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			h[l.Addr.String()] = l.Owner.String()
			owned, err := tx.OwnedBy(l.Owner)
			require.NoError(b, err)
			require.Equal(b, !l.Owner.IsZero(), slices.Contains(owned, l))
			free, err := tx.NextFree(l.Addr, l.Addr)
			require.ErrorIs(b, err, backend.ErrNoneFree, free)
		}
		boot, err := tx.LastSearch()
		if boot != "" {
			h["boot"] = boot
		}
		return err
	})
	return h
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func lease(addr, id string) backend.Lease {
	return backend.Lease{Addr: ip(addr), Owner: backend.Owner{ContainerID: id, IfName: "eth0"}}
}

func put(leases ...backend.Lease) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		var errs []error
		for _, l := range leases {
			errs = append(errs, tx.Put(l))
		}
		return errors.Join(errs...)
	}
}

func remove(addrs ...string) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		var errs []error
		for _, addr := range addrs {
			errs = append(errs, tx.Delete(ip(addr)))
		}
		return errors.Join(errs...)
	}
}

// A transaction needs a journal. The snapshots are of the store before and after it.
type transaction struct {
	name          string
	fn            func(backend.Tx) error
	before, after snapshot
	deletes       bool // and does nothing else, so it is not undone
}

// seed makes the leases that each transaction starts with.
func seed(b testDir) {
	b.Helper()
	b.update(func(tx backend.Tx) error {
		return errors.Join(
			put(lease("10.0.0.1", "one"), lease("10.0.0.2", "two"), lease("fd00::1", "one"))(tx),
			tx.SetLastSearch("first"),
		)
	})
}

func transactions() []transaction {
	before := snapshot{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first"}
	return []transaction{
		{"two Puts", put(lease("10.0.0.3", "new"), lease("fd00::3", "new")), before, snapshot{
			"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first",
			"10.0.0.3": "new (eth0)", "fd00::3": "new (eth0)",
		}, false},
		{"two Deletes", remove("10.0.0.1", "fd00::1"), before, snapshot{"10.0.0.2": "two (eth0)", "boot": "first"}, true},
		{"a Put, two Deletes and the boot", func(tx backend.Tx) error {
			return errors.Join(
				remove("10.0.0.1", "10.0.0.2")(tx), put(lease("10.0.0.1", "new"), lease("10.0.0.3", "new"))(tx),
				tx.SetLastSearch("second"), tx.SetCursor("0", ip("10.0.0.3")),
			)
		}, before, snapshot{
			"10.0.0.1": "new (eth0)", "10.0.0.3": "new (eth0)", "fd00::1": "one (eth0)", "boot": "second",
		}, false},
	}
}

// requireWorks requires that transactions work, and leave no trace of an interrupted one.
func (b testDir) requireWorks() {
	b.Helper()
	b.update(put(lease("10.9.0.1", "later"), lease("10.9.0.2", "later")))
	b.update(remove("10.9.0.1", "10.9.0.2"))
	for _, name := range b.names() {
		require.False(b, strings.Contains(name, ".leasehold-") && name != bootName, name)
	}
}

func requireAddrs(b testDir, tx backend.ReadTx, o backend.Owner, want ...string) {
	b.Helper()
	owned, err := tx.OwnedBy(o)
	require.NoError(b, err)
	var got []string
	for _, l := range owned {
		got = append(got, l.Addr.String())
	}
	require.Equal(b, want, got)
}
