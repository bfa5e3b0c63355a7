package files

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// interrupted leaves fn as a kill does after all changes, before the journal is removed.
func (b testDir) interrupted(fn func(backend.Tx) error) {
	b.Helper()
	b.interruptedAt("remove", journalName, 1, fn)
}

// interruptedAt leaves fn as a kill does before the nth such step with a file.
func (b testDir) interruptedAt(op, name string, n int, fn func(backend.Tx) error) {
	b.Helper()
	seed(b)
	b.killedAt(op, name, n, fn)
}

// killedAt is interruptedAt without seed.
func (b testDir) killedAt(op, name string, n int, fn func(backend.Tx) error) {
	b.Helper()
	s := b.open()
	s.step = func(stepOp string, names ...string) error {
		if stepOp == op && names[len(names)-1] == name {
			if n--; n == 0 {
				panic(killed{})
			}
		}
		return nil
	}
	require.PanicsWithValue(b, killed{}, func() {
		require.NoError(b, s.Update(b.Context(), fn))
	})
	require.True(b, b.hasJournal())
}

// hasJournal reports whether a transaction was interrupted.
func (b testDir) hasJournal() bool {
	b.Helper()
	return slices.ContainsFunc(b.names(), func(name string) bool {
		return name == journalName || name == earlyJournalName
	})
}

// TestStockBeforeRecovery has the stock plugin, which does not know journals, at work between a
// kill and recovery.
func TestStockBeforeRecovery(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fn    func(backend.Tx) error
		stock func(b testDir)
		want  snapshot
	}{
		{
			"a created lease is released", put(lease("10.0.0.3", "new"), lease("fd00::3", "new")),
			func(b testDir) { b.stockRelease("new\r\neth0") },
			snapshot{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first"},
		},
		{
			"a created lease is released and made again for another", put(lease("10.0.0.3", "new"), lease("fd00::3", "new")),
			func(b testDir) {
				b.stockRelease("new\r\neth0")
				b.stock("10.0.0.3", "other\r\neth0")
			},
			snapshot{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "10.0.0.3": "other (eth0)", "fd00::1": "one (eth0)", "boot": "first"},
		},
		{
			"a created lease is released and made again for the same", put(lease("10.0.0.3", "new"), lease("fd00::3", "new")),
			func(b testDir) {
				b.stockRelease("new\r\neth0")
				b.stock("10.0.0.3", "new\r\neth0")
			},
			snapshot{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "10.0.0.3": "new (eth0)", "fd00::1": "one (eth0)", "boot": "first"},
		},
		{
			"a deleted address is leased to another", remove("10.0.0.1", "fd00::1"),
			func(b testDir) { b.stock("10.0.0.1", "other\r\neth0") },
			snapshot{"10.0.0.1": "other (eth0)", "10.0.0.2": "two (eth0)", "boot": "first"},
		},
		{
			"what was being deleted is released again", remove("10.0.0.1", "fd00::1"),
			func(b testDir) { b.stockRelease("one\r\neth0") },
			snapshot{"10.0.0.2": "two (eth0)", "boot": "first"},
		},
		{
			"an address that was deleted and leased anew is released", func(tx backend.Tx) error {
				return errors.Join(remove("10.0.0.1", "10.0.0.2")(tx), put(lease("10.0.0.1", "new"))(tx))
			},
			func(b testDir) { b.stockRelease("new\r\neth0") },
			snapshot{"fd00::1": "one (eth0)", "boot": "first"},
		},
		{
			"an address that was deleted and leased anew is leased to a third", func(tx backend.Tx) error {
				return errors.Join(remove("10.0.0.1", "10.0.0.2")(tx), put(lease("10.0.0.1", "new"))(tx))
			},
			func(b testDir) {
				b.stockRelease("new\r\neth0")
				b.stock("10.0.0.1", "other\r\neth0")
			},
			snapshot{"10.0.0.1": "other (eth0)", "fd00::1": "one (eth0)", "boot": "first"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newTestDir(t)
			b.interrupted(tc.fn)
			tc.stock(b)
			require.Equal(t, tc.want, b.snapshot(), "as a View shows it")
			require.True(t, b.hasJournal(), "View writes nothing")
			b.update(nothing)
			require.False(t, b.hasJournal())
			require.Equal(t, tc.want, b.snapshot(), "after recovery")
			b.requireWorks()
		})
	}
}

// TestStockFiles reads files as the stock plugin of today and of 2015 writes or leaves them.
func TestStockFiles(t *testing.T) {
	b := newTestDir(t)
	b.stock("lock", "")
	b.stock("last_reserved_ip.0", "10.0.0.7")
	b.stock("last_reserved_ip.1", "")
	b.stock("last_reserved_ip.2", "10.0.0.\x00\x00")
	b.stock("last_reserved_ip.a b", "10.0.0.9")
	b.stock("10.0.0.1", "id\r\neth0")
	b.stock("10.0.0.2", "id\r\neth1")
	b.stock("10.0.0.3", "old")
	b.stock("10.0.0.4", "old\n")
	b.stock("10.0.0.5", "")
	b.stock("10.0.0.6", "\x00\x00\x00\x00 \r\n")
	b.stock("10.0.0.7", " id\r\neth0\r\n\x00")
	b.stock("10.0.0.8", "not\xff an\n\x01ID")
	b.stock("fd00::1", "id\r\neth0")
	for _, name := range []string{"10.0.0.01", "10.0.0", "10.0.0.9.bak", "fe80::1%eth0", "README", ".10.0.0.9", "10.0.0.9~"} {
		b.stock(name, "id\r\neth0")
	}
	require.Equal(t, snapshot{
		"10.0.0.1": "id (eth0)", "10.0.0.2": "id (eth1)", "10.0.0.3": "old", "10.0.0.4": "old",
		"10.0.0.7": "id (eth0)", "10.0.0.8": "not\xff an\n\x01ID", "fd00::1": "id (eth0)",
		"10.0.0.5": "unknown", "10.0.0.6": "unknown",
	}, b.snapshot())
	b.view(func(tx backend.ReadTx) error {
		requireAddrs(b, tx, backend.Owner{ContainerID: "id", IfName: "eth0"}, "10.0.0.1", "10.0.0.7", "fd00::1")
		requireAddrs(b, tx, backend.Owner{ContainerID: "old", IfName: "eth9"}, "10.0.0.3", "10.0.0.4")
		requireAddrs(b, tx, backend.Owner{ContainerID: "not\xff an\n\x01ID"}, "10.0.0.8")
		cursors, err := tx.Cursors()
		require.Len(t, cursors, 1)
		require.Equal(t, ip("10.0.0.7"), cursors["0"])
		return err
	})
	b.update(remove("10.0.0.5", "10.0.0.6"))
	b.update(func(tx backend.Tx) error {
		free, err := tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9"))
		require.Equal(t, ip("10.0.0.5"), free)
		return err
	})
}

// TestLayout checks the files that the stock plugin must find.
func TestLayout(t *testing.T) {
	b := newTestDir(t)
	b.view(func(backend.ReadTx) error { return nil })
	require.NoDirExists(t, b.path)

	b.update(func(tx backend.Tx) error {
		old := backend.Lease{Addr: ip("10.0.0.2"), Owner: backend.Owner{ContainerID: "old"}}
		return errors.Join(put(lease("10.0.0.1", "id"), old, lease("fd00::a", "id"))(tx), tx.SetCursor("0", ip("10.0.0.10")))
	})
	require.Equal(t, []string{"10.0.0.1", "10.0.0.2", "fd00::a", "last_reserved_ip.0", "lock"}, b.names())
	require.Equal(t, "id\r\neth0", b.content("10.0.0.1"))
	require.Equal(t, "old", b.content("10.0.0.2"))
	require.Equal(t, "10.0.0.10", b.content("last_reserved_ip.0"))
	require.Empty(t, b.content("lock"))
	for _, name := range b.names() {
		info, err := os.Lstat(b.file(name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode()&^os.ModeSticky, name) // which lock has
	}
	info, err := os.Stat(b.path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755)|os.ModeDir, info.Mode())

	b.update(func(tx backend.Tx) error { return tx.SetCursor("0", ip("10.0.0.9")) })
	require.Equal(t, "10.0.0.9", b.content("last_reserved_ip.0"), "shorter than before")
	b.update(func(tx backend.Tx) error { return tx.SetLastSearch("b00t") })
	require.Equal(t, "boot b00t\n", b.content("last_reserved_ip..leasehold-boot"))
	b.update(remove("10.0.0.1", "10.0.0.2", "fd00::a"))
	require.Equal(t, []string{"last_reserved_ip..leasehold-boot", "last_reserved_ip.0", "lock"}, b.names())
}
