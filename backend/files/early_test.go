package files

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// early leaves a transaction as a killed process of an earlier version did: created files have
// their names, and deleted ones are renamed.
func (b testDir) early(created, deleted []string) {
	b.Helper()
	var lines strings.Builder
	lines.WriteString("leasehold-undo 1\n")
	for _, name := range created {
		info := b.newFile(name)
		fmt.Fprintf(&lines, "create %s %d %d %q\n", name, inode(info), info.ModTime().UnixNano(), b.content(name))
	}
	for _, name := range deleted {
		require.NoError(b, os.Rename(b.file(name), b.file(".leasehold-old."+name)))
		fmt.Fprintf(&lines, "delete %s\n", name)
	}
	b.stock(".leasehold-undo", withChecksum(lines.String()))
}

// newFile makes a file whose time does not look truncated, as one in 10,000 does. Such a file is left
// where it is, since earlier versions recorded no handle.
func (b testDir) newFile(name string) fs.FileInfo {
	b.Helper()
	for {
		b.stock(name, "new\r\neth0")
		info, err := os.Stat(b.file(name))
		require.NoError(b, err)
		if !isMultiple(info.ModTime().UnixNano()) {
			return info
		}
	}
}

// TestEarlyJournal recovers from a journal of an earlier version, with the stock plugin at work
// before recovery.
func TestEarlyJournal(t *testing.T) {
	before := transactions()[0].before
	with := func(addr, owner string) snapshot {
		h := snapshot{addr: owner}
		for a, o := range before {
			if a != addr {
				h[a] = o
			}
		}
		return h
	}
	for _, tc := range []struct {
		name             string
		created, deleted []string
		stock            func(b testDir)
		want             snapshot
	}{
		{"created", []string{"10.0.0.3", "fd00::3"}, nil, func(testDir) {}, before},
		{"deleted", nil, []string{"10.0.0.1", "fd00::1", ".leasehold-boot"}, func(testDir) {}, before},
		{"both", []string{"10.0.0.3", "fd00::3"}, []string{"10.0.0.2", "fd00::1"}, func(testDir) {}, before},
		{"created, and leased by stock", []string{"10.0.0.3", "fd00::3"}, nil, func(b testDir) {
			b.stockRelease("new\r\neth0")
			b.stock("10.0.0.3", "other\r\neth0")
		}, with("10.0.0.3", "other (eth0)")},
		{"deleted, and leased by stock", nil, []string{"10.0.0.1", "fd00::1"}, func(b testDir) {
			b.stock("10.0.0.1", "other\r\neth0")
		}, with("10.0.0.1", "other (eth0)")},
		{"deleted, and released by stock", nil, []string{"10.0.0.1", "fd00::1"}, func(b testDir) {
			b.stockRelease("one\r\neth0")
		}, snapshot{"10.0.0.2": "two (eth0)", "boot": "first"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for n := 1; ; n++ {
				b := newTestDir(t)
				seed(b)
				require.NoError(t, os.Rename(b.file(bootName), b.file(".leasehold-boot")))
				b.early(tc.created, tc.deleted)
				tc.stock(b)
				require.Equal(t, tc.want, b.snapshot(), "as a View shows it")
				require.Contains(t, b.names(), ".leasehold-undo", "View writes nothing")
				killed := b.updateKilled(n, nothing)
				require.Equal(t, tc.want, b.snapshot(), "killed at %d", n)
				b.update(nothing)
				require.NotContains(t, b.names(), ".leasehold-undo")
				require.Equal(t, tc.want, b.snapshot(), "after recovery")
				if !killed {
					require.Greater(t, n, 3)
					return
				}
			}
		})
	}
}

// TestEarlyJournalKeepsNames: restored files keep noncanonical names, and their times.
func TestEarlyJournalKeepsNames(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	b.stock("FD00::A", "capital\r\neth0")
	since := time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)
	require.NoError(t, os.Chtimes(b.file("FD00::A"), since, since))
	b.early(nil, []string{"FD00::A", "10.0.0.1"})
	require.Equal(t, "capital (eth0)", b.snapshot()["fd00::a"])
	b.update(nothing)
	require.Equal(t, "capital\r\neth0", b.content("FD00::A"))
	require.Equal(t, "one\r\neth0", b.content("10.0.0.1"))
	b.view(func(tx backend.ReadTx) error {
		l, err := tx.Lease(ip("fd00::a"))
		require.Equal(t, since, l.Since)
		return err
	})
}

// TestEarlyCorruptJournal: files that an earlier version was deleting are restored, because
// their names are known.
func TestEarlyCorruptJournal(t *testing.T) {
	for n := 1; ; n++ {
		b := newTestDir(t)
		seed(b)
		b.early([]string{"10.0.0.3"}, []string{"10.0.0.1", "fd00::1"})
		b.stock(".leasehold-undo", "")
		want := snapshot{
			"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "10.0.0.3": "new (eth0)", "fd00::1": "one (eth0)", "boot": "first",
		}
		require.Equal(t, want, b.snapshot())
		killed := b.updateKilled(n, nothing)
		require.Equal(t, want, b.snapshot())
		b.update(nothing)
		require.Equal(t, want, b.snapshot())
		require.Empty(t, b.content(damagedName))
		require.ErrorContains(t, b.open().Verify(t.Context()), damagedName)
		if !killed {
			require.Greater(t, n, 3)
			return
		}
	}
}
