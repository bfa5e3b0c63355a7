package files

import (
	"fmt"
	"hash/crc32"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
)

func TestJournal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"10.0.0.1", "fd00::1", "FD00::1", "::ffff:10.0.0.1", bootName, earlyBootName})
		content := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		handle := rapid.SampledFrom([]string{"", "1:0c0000007a9a7fcb", "-1:", "248:00"})
		want := &journal{
			created: rapid.SliceOf(rapid.Custom(func(t *rapid.T) createdFile {
				name := names.Draw(t, "name")
				id := identity{rapid.Uint64().Draw(t, "inode"), rapid.Int64().Draw(t, "modified"), handle.Draw(t, "handle"), content.Draw(t, "content"), true}
				return createdFile{name, tempName(newToken(), name), id}
			})).Draw(t, "created"),
			redo: rapid.Bool().Draw(t, "redo"),
			deleted: rapid.SliceOf(rapid.Custom(func(t *rapid.T) deletedFile {
				id := identity{inode: rapid.Uint64().Draw(t, "inode"), modified: rapid.Int64().Draw(t, "modified"), handle: handle.Draw(t, "handle")}
				if id.hasContent = rapid.Bool().Draw(t, "known"); id.hasContent {
					id.content = content.Draw(t, "content")
				}
				return deletedFile{names.Draw(t, "name"), id}
			})).Draw(t, "deleted"),
		}
		text := want.encode()
		got, err := decodeJournal(text)
		require.NoError(t, err)
		require.Equal(t, text, got.encode())
		require.Equal(t, want.redo, got.redo)
		require.Len(t, got.created, len(want.created))
		for i, c := range got.created {
			require.Equal(t, want.created[i], c)
		}
		require.ElementsMatch(t, want.deleted, got.deleted)

		cut := rapid.IntRange(0, len(text)-2).Draw(t, "cut")
		_, err = decodeJournal(text[:cut])
		require.ErrorIs(t, err, errCorrupt)
		flipped := []byte(text)
		flipped[rapid.IntRange(0, len(text)-2).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, err = decodeJournal(string(flipped))
		require.ErrorIs(t, err, errCorrupt)
	})
}

func withChecksum(body string) string {
	return fmt.Sprintf("%scrc32 %08x\n", body, crc32.ChecksumIEEE([]byte(body)))
}

func TestInvalidJournal(t *testing.T) {
	for version, lines := range map[string][]string{
		"1": {
			"", "delete", "delete ", "delete lock", "delete ../10.0.0.1", "delete .leasehold-undo", "rename 10.0.0.1",
			"create 10.0.0.1", "create 10.0.0.1 1 2 x", "create lock 1 2 \"\"", "create 10.0.0.1 -1 2 \"\"",
		},
		"2": {
			"", "delete", "delete 10.0.0.1", "delete 10.0.0.1 1", "delete lock 1 2", "delete ../10.0.0.1 1 2",
			"create 10.0.0.1 1 2 \"\"", "create 10.0.0.1 10.0.0.2 1 2 \"\"", "create 10.0.0.1 .leasehold-new.x -1 2 \"\"",
			"create 10.0.0.1 .leasehold-new./../../x 1 2 \"\"", "create lock .leasehold-new.x 1 2 \"\"",
		},
	} {
		for _, line := range lines {
			_, err := decodeJournal(withChecksum("leasehold-undo " + version + "\n" + line + "\n"))
			require.ErrorIs(t, err, errCorrupt, line)
		}
	}
	for _, head := range []string{"another file\n", "leasehold-undo leasehold-redo 2\n"} {
		_, err := decodeJournal(withChecksum(head))
		require.ErrorIs(t, err, errCorrupt)
	}
}

func TestJournalOfAnotherVersion(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	b.stock(journalName, withChecksum("leasehold-undo 3\nwhatever\n"))
	for name, call := range b.calls(nothing) {
		err := call()
		require.ErrorIs(t, err, backend.ErrFormat, name)
		require.ErrorContains(t, err, b.file(journalName))
	}
	require.Contains(t, b.names(), journalName)
}

// TestCorruptJournal has a journal that the disk has corrupted.
func TestCorruptJournal(t *testing.T) {
	for name, damage := range map[string]func(text string) string{
		"empty":     func(string) string { return "" },
		"zeros":     func(text string) string { return strings.Repeat("\x00", len(text)) },
		"cut short": func(text string) string { return text[:len(text)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestDir(t)
			b.interruptedAt("rename", journalName, 2, func(tx backend.Tx) error {
				require.NoError(t, remove("10.0.0.1", "fd00::1")(tx))
				return put(lease("10.0.0.3", "new"))(tx)
			})
			damaged := damage(b.content(journalName))
			b.stock(journalName, damaged)
			// Keeping too many leases is better than losing one.
			want := snapshot{
				"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "10.0.0.3": "new (eth0)", "fd00::1": "one (eth0)", "boot": "first",
			}
			require.Equal(t, want, b.snapshot())
			b.update(nothing)
			require.Equal(t, want, b.snapshot())
			require.NotContains(t, b.names(), journalName)
			require.Equal(t, damaged, b.content(damagedName))
			require.ErrorContains(t, b.open().Verify(t.Context()), damagedName)
		})
	}
}

// TestJournalThatCannotBeSetAside has no space to rename a journal, as on a full fuse2fs. Leases
// are released nevertheless, and the journal is set aside when there is space.
func TestJournalThatCannotBeSetAside(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	b.stock(journalName, "damaged")
	s := b.open()
	s.step = func(op string, _ ...string) error {
		if op == "rename" {
			return syscall.ENOSPC
		}
		return nil
	}
	require.NoError(t, s.Update(t.Context(), remove("10.0.0.1", "fd00::1")))
	require.ErrorIs(t, s.Update(t.Context(), put(lease("10.0.0.3", "new"), lease("fd00::3", "new"))), backend.ErrNoSpace)
	require.NoError(t, s.Update(t.Context(), remove("10.0.0.2")))
	require.Equal(t, snapshot{"boot": "first"}, b.snapshot())
	require.Equal(t, "damaged", b.content(journalName))

	b.update(nothing)
	require.Equal(t, "damaged", b.content(damagedName))
	require.NotContains(t, b.names(), journalName)
}

// TestCorruptJournalIsSetAside kills the Update that finds the journal, of a transaction to
// undo and of one to finish.
func TestCorruptJournalIsSetAside(t *testing.T) {
	for _, op := range []string{"rename", "remove"} {
		for n := 1; ; n++ {
			b := newTestDir(t)
			b.interruptedAt(op, journalName, map[string]int{"rename": 2, "remove": 1}[op], transactions()[2].fn)
			b.stock(journalName, "")
			want := b.snapshot()
			killed := b.updateKilled(n, nothing)
			require.Equal(t, want, b.snapshot())
			b.update(nothing)
			require.Equal(t, want, b.snapshot())
			require.Contains(t, b.names(), damagedName)
			if !killed {
				require.Greater(t, n, 2)
				break
			}
		}
	}
}
